//! What words mean in the names of Italian and Venetian streets: kinds, abbreviations, doublets, small words.

use std::sync::LazyLock;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::fold::squeezed;

/// What a name is called beside its own words: the urban denomination (DUG). It is often left out or mistaken.
#[rustfmt::skip]
const KINDS: &[&str] = &[
    "via", "viale", "vicolo", "vialetto", "piazza", "piazzale", "piazzetta", "corso", "largo", "strada", "stradella",
    "rotonda", "galleria", "lungomare", "riviera", "borgo", "contrada", "traversa", "passaggio", "scalinata", "parco",
    "calle", "callesela", "caletta", "campo", "campiello", "campazzo", "corte", "cortile", "ramo", "fondamenta", "riva",
    "rio", "tera", "salizada", "sotoportego", "ruga", "rughetta", "piscina", "lista", "ponte", "molo", "banchina",
    "crosera", "borgoloco", "paludo", "sentiero", "argine", "canale", "isola", "sestiere", "quartiere", "localita",
    "frazione", "ciclabile", "vicinale",
];

/// What people write short, or in two ways: without accents and dots. Where the second holds a blank it is two words.
#[rustfmt::skip]
const SYNONYMS: &[(&str, &str)] = &[
    ("v", "via"), ("vle", "viale"), ("vlo", "vicolo"), ("vco", "vicolo"), ("vic", "vicolo"),
    ("p", "piazza"), ("pz", "piazza"), ("pza", "piazza"), ("pzza", "piazza"), ("ple", "piazzale"), ("pzle", "piazzale"),
    ("pzale", "piazzale"), ("pzta", "piazzetta"), ("ptta", "piazzetta"), ("cso", "corso"), ("lgo", "largo"),
    ("str", "strada"), ("strad", "strada"), ("pte", "ponte"), ("cle", "calle"), ("cll", "calle"), ("cllo", "campiello"),
    ("cpo", "campo"), ("cplo", "campiello"), ("cpllo", "campiello"), ("campielo", "campiello"), ("cte", "corte"),
    ("corti", "corte"), ("fta", "fondamenta"), ("fnd", "fondamenta"), ("fond", "fondamenta"), ("fondta", "fondamenta"),
    ("fdta", "fondamenta"), ("fdm", "fondamenta"), ("fondamente", "fondamenta"), ("fondamenti", "fondamenta"),
    ("sal", "salizada"), ("saliz", "salizada"), ("salizzata", "salizada"), ("salizata", "salizada"),
    ("selciata", "salizada"), ("sot", "sotoportego"), ("sott", "sotoportego"), ("sotop", "sotoportego"),
    ("sottop", "sotoportego"), ("stp", "sotoportego"), ("sottoportico", "sotoportego"), ("sotoportico", "sotoportego"),
    ("rt", "rio tera"), ("riotera", "rio tera"), ("rioterra", "rio tera"), ("terra", "tera"), ("calesela", "callesela"),
    ("calletta", "caletta"), ("loc", "localita"), ("fraz", "frazione"), ("sest", "sestiere"), ("is", "isola"),
    ("quart", "quartiere"), ("rugheta", "rughetta"),
    ("s", "san"), ("sta", "san"), ("sto", "san"), ("santa", "san"), ("santo", "san"), ("sant", "san"), ("santi", "san"),
    ("ss", "san"), ("sti", "san"), ("sante", "san"), ("saint", "san"),
    ("flli", "fratelli"), ("gen", "generale"), ("cap", "capitano"), ("col", "colonnello"), ("mons", "monsignor"),
    ("monsignore", "monsignor"), ("card", "cardinale"), ("prof", "professor"), ("professore", "professor"),
    ("dott", "dottor"), ("dr", "dottor"), ("dottore", "dottor"), ("ing", "ingegner"), ("on", "onorevole"),
    ("mad", "madonna"), ("primo", "1"), ("mart", "martiri"), ("caval", "cavaliere"),
    // The same name in Venetian and in Italian.
    ("anzolo", "angelo"), ("zuane", "giovanni"), ("zuan", "giovanni"), ("zulian", "giuliano"), ("bortolo", "bartolomeo"),
    ("bortolomio", "bartolomeo"), ("isepo", "giuseppe"), ("lunardo", "leonardo"), ("marzaria", "merceria"),
    ("marzarie", "merceria"), ("merzaria", "merceria"), ("mercerie", "merceria"), ("vecia", "vecchia"),
    ("vecio", "vecchio"), ("novo", "nuovo"), ("nova", "nuova"), ("ogio", "olio"), ("pescaria", "pescheria"),
    ("muneghe", "monache"), ("squeri", "squero"),
];

/// Words that hold names together and that nobody writes alike (`de la`, `della`).
#[rustfmt::skip]
const SMALL: &[&str] = &[
    "a", "ad", "agli", "ai", "al", "alla", "alle", "allo", "d", "da", "dal", "dalla", "de", "degli", "dei", "del",
    "della", "delle", "dello", "dell", "di", "do", "e", "ed", "gli", "i", "il", "in", "l", "la", "le", "lo", "o",
    "detta", "detto", "sul", "sulla", "presso",
];

/// Words after a number that say which door inside the house: they and what follows them are dropped.
pub const INSIDE: &[&str] = &["int", "interno", "sc", "scala", "piano", "palazzina", "app", "appartamento"];

/// Words before a number that say that it is one.
pub const NUMBER_WORDS: &[&str] = &["n", "nr", "no", "num", "numero", "civ", "civico", "nc"];

/// What stands for a number where there is none (senza numero civico).
pub const NO_NUMBER: &[&str] = &["snc", "sn", "sc"];

/// Words that say where Italy is: they tell no two addresses apart.
pub const EVERYWHERE: &[&str] = &["italia", "italy", "ve", "veneto"];

/// The months: a number before one is a day in a name.
#[rustfmt::skip]
pub const MONTHS: &[&str] = &[
    "genaio", "febraio", "marzo", "aprile", "magio", "giugno", "luglio", "agosto", "setembre", "otobre", "novembre",
    "dicembre",
];

/// Letters after a number beside single ones.
pub const SUFFIX_WORDS: &[&str] = &["bis", "ter", "tris", "quater", "rosso", "nero"];

static SYNONYM: LazyLock<FxHashMap<String, Vec<String>>> = LazyLock::new(|| {
    let words = |text: &str| text.split(' ').map(squeezed).collect();
    SYNONYMS.iter().map(|(from, to)| (squeezed(from), words(to))).collect()
});
static KIND: LazyLock<FxHashSet<String>> = LazyLock::new(|| KINDS.iter().map(|word| squeezed(word)).collect());
static SMALL_WORD: LazyLock<FxHashSet<String>> = LazyLock::new(|| SMALL.iter().map(|word| squeezed(word)).collect());

/// What an abbreviation or doublet stands for; `None` where a word is itself.
pub fn expanded(word: &str) -> Option<&'static [String]> {
    SYNONYM.get(&squeezed(word)).map(Vec::as_slice)
}

/// Whether a word, as it is compared, is the kind of a street.
pub fn is_kind(word: &str) -> bool {
    KIND.contains(word)
}

/// How much a word, as it is compared, tells names apart: 0 to 1.
pub fn weight(word: &str) -> f32 {
    if SMALL_WORD.contains(word) {
        return 0.1;
    }
    if is_kind(word) || word == "san" {
        return 0.3;
    }
    match word.len() {
        1 if !word.starts_with(|first: char| first.is_ascii_digit()) => 0.4,
        2 => 0.7,
        _ => 1.0,
    }
}

/// A Roman number to 39 of at least two letters, in figures: `xxv` is 25. (`di`, `mi` and `ci` are words.)
pub fn roman(word: &str) -> Option<String> {
    if word.len() < 2 || !word.bytes().all(|letter| matches!(letter, b'i' | b'v' | b'x')) {
        return None;
    }
    (1..40).find(|number| written(*number) == word).map(|number| number.to_string())
}

fn written(mut number: u32) -> String {
    let mut out = String::new();
    for (value, letters) in [(10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i")] {
        while number >= value {
            out.push_str(letters);
            number -= value;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roman_numbers_are_told_from_words() {
        let read = |word: &str| roman(word).unwrap_or_default();
        assert_eq!([read("xxv"), read("iv"), read("xxxix"), read("vi")], ["25", "4", "39", "6"]);
        assert_eq!([read("di"), read("v"), read("iiii"), read("vx"), read("xxxxxxx")], [""; 5]);
    }

    #[test]
    fn no_word_stands_for_one_that_stands_for_another() {
        for word in SYNONYM.values().flatten() {
            assert!(expanded(word).is_none_or(|to| to.len() == 1 && to[0] == *word), "{word}");
        }
    }

    #[test]
    fn kinds_and_small_words_tell_little() {
        assert!(weight("sotoportego") < weight("fabri") && weight("dela") < weight("cale"));
    }
}
