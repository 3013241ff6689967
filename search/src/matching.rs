//! How well a name answers to words.

use crate::lexicon::weight;
use crate::words::OR;

/// Words of a name that are compared: a bit for each.
const MOST: usize = 64;
/// What a letter in a wrong place costs.
const PER_LETTER: f32 = 0.22;
/// How much better a word beside the name (a district, an address) has to be than one in it, to be the one that is meant.
const BESIDE: f32 = 0.9;
/// Weight from which on a word tells names apart.
const TELLING: f32 = 0.6;
/// Share of the score that tells whether all of the name was written.
const WHOLE: f32 = 0.2;

/// How well.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Match {
    /// 0 to 1; 1 where all words are there and no others.
    pub score: f32,
    /// Share of what was asked for that is there, 0 to 1.
    pub asked: f32,
    /// Share of the name that was asked for, small words aside, 0 to 1.
    pub whole: f32,
    /// A word of the name that tells it from others is there; or none was asked for.
    pub named: bool,
    /// A word is spelled otherwise.
    pub similar: bool,
    /// A word is only begun.
    pub begun: bool,
    /// Words that tell names apart and are not there.
    pub missing: u32,
}

/// The letters that a word may differ by; fewer while it is being typed, when it is like much more.
pub const fn tolerance(word: &str, open: bool) -> usize {
    match word.len() {
        0..=3 => 0,
        4..=7 => 1,
        8..=10 if open => 1,
        _ => 2,
    }
}

/// Compares. `name` and `beside` are words with blanks between, and the forms of one with [`OR`] between; `open` says that the last word asked for may be unfinished.
pub fn compare(asked: &[String], open: bool, name: &str, beside: &str) -> Match {
    let there: Vec<(&str, f32)> = name.split(' ').take(MOST).map(|word| (word, weight(first_form(word)))).collect();
    let mut used = 0_u64;
    let mut found = Match::default();
    let (mut all, mut got) = (0.0, 0.0);
    for (place, word) in asked.iter().enumerate() {
        let is_open = open && place + 1 == asked.len();
        let weight = weight(word);
        all += weight;
        let best = best_of(
            word,
            is_open,
            there.iter().enumerate().filter(|(at, _)| used >> at & 1 == 0).map(|(at, it)| (at, it.0)),
        );
        let near = best_of(word, is_open, beside.split(' ').filter(|it| !it.is_empty()).enumerate());
        let share = match (best, near) {
            (Some((at, how)), near) if near.is_none_or(|(_, near)| near.share() * BESIDE <= how.share()) => {
                used |= 1 << at;
                found.note(how);
                how.share()
            }
            (_, Some((_, how))) => {
                found.note(how);
                how.share()
            }
            _ => {
                found.missing += u32::from(weight >= TELLING);
                0.0
            }
        };
        got += weight * share;
    }
    let is_told = there.iter().enumerate().any(|(at, it)| used >> at & 1 == 1 && it.1 >= TELLING);
    found.named = is_told || there.iter().all(|it| it.1 < TELLING) || asked.iter().all(|word| weight(word) < TELLING);
    let total: f32 = there.iter().map(|(_, weight)| weight).sum();
    let touched: f32 = there.iter().enumerate().filter(|(at, _)| used >> at & 1 == 1).map(|(_, it)| it.1).sum();
    found.asked = if all > 0.0 { got / all } else { 0.0 };
    found.whole = if total > 0.0 { touched / total } else { 0.0 };
    found.score = found.asked * (1.0 - WHOLE + WHOLE * found.whole);
    found
}

fn first_form(word: &str) -> &str {
    word.split(OR).next().unwrap_or(word)
}

impl Match {
    fn note(&mut self, how: How) {
        match how {
            How::Same => {}
            How::Begun(_) => self.begun = true,
            How::Similar(_) => self.similar = true,
        }
    }

    /// All that was asked for is there as it was written.
    pub const fn is_literal(&self) -> bool {
        !self.similar && !self.begun && self.missing == 0
    }
}

/// How one word is another.
#[derive(Debug, Clone, Copy, PartialEq)]
enum How {
    Same,
    /// With the share of its letters that are there.
    Begun(f32),
    /// With the letters that differ.
    Similar(usize),
}

impl How {
    fn share(self) -> f32 {
        match self {
            Self::Same => 1.0,
            Self::Begun(share) => 0.19_f32.mul_add(share, 0.8),
            Self::Similar(letters) => 1.0 - PER_LETTER * letters as f32,
        }
    }
}

fn best_of<'a>(word: &str, open: bool, others: impl Iterator<Item = (usize, &'a str)>) -> Option<(usize, How)> {
    let mut best: Option<(usize, How)> = None;
    for (at, other) in others.flat_map(|(at, forms)| forms.split(OR).map(move |form| (at, form))) {
        let Some(how) = how(word, open, other) else { continue };
        if best.is_none_or(|(_, known)| how.share() > known.share()) {
            best = Some((at, how));
            if how == How::Same {
                break;
            }
        }
    }
    best
}

fn how(word: &str, open: bool, other: &str) -> Option<How> {
    if word == other {
        return Some(How::Same);
    }
    let is_number = |text: &str| text.starts_with(|first: char| first.is_ascii_digit());
    if is_number(word) || is_number(other) {
        return (open && other.starts_with(word)).then(|| How::Begun(word.len() as f32 / other.len() as f32));
    }
    // An initial: `g. garibaldi`.
    let is_initial = word.chars().count() == 1;
    if (open || is_initial) && other.starts_with(word) {
        return Some(How::Begun(word.len() as f32 / other.len() as f32));
    }
    let most = tolerance(word, open);
    // Each letter that the other does not have at all has to go or to be changed: quicker seen than counted.
    if most == 0 || (letters_of(word) & !letters_of(other)).count_ones() as usize > most {
        return None;
    }
    let letters = distance(word, other, most);
    let letters =
        if open && other.len() > word.len() { letters.min(distance_to_beginning(word, other, most)) } else { letters };
    (letters <= most).then_some(How::Similar(letters))
}

/// Which letters are in a word, a bit for each (some share one).
fn letters_of(word: &str) -> u32 {
    word.bytes().fold(0, |bits, letter| bits | 1 << (letter % 32))
}

/// Letters to put in, take out, change or swap with their neighbours; more than `most` where that is sure.
fn distance(a: &str, b: &str, most: usize) -> usize {
    if a.len().abs_diff(b.len()) > most { usize::MAX } else { strsim::osa_distance(a, b) }
}

/// To the beginning of a word that is as near as any.
fn distance_to_beginning(word: &str, other: &str, most: usize) -> usize {
    let count = word.chars().count();
    let ends = other.char_indices().map(|(at, _)| at).chain([other.len()]);
    let lengths = ends.enumerate().filter(|(length, _)| length.abs_diff(count) <= most);
    lengths.map(|(_, end)| strsim::osa_distance(word, &other[..end])).min().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::words;

    fn score(asked: &str, open: bool, name: &str, beside: &str) -> f32 {
        compare(&words(asked), open, &words(name).join(" "), &words(beside).join(" ")).score
    }

    #[test]
    fn the_same_name_is_better_than_more_and_less() {
        let whole = score("via roma", false, "Via Roma", "");
        assert!((whole - 1.0).abs() < 1e-6);
        assert!(score("via roma", false, "Ciclabile Via Roma", "") < whole);
        assert!(score("roma", false, "Via Roma", "") < whole);
        assert!(score("roma", false, "Via Roma", "") > score("roma", false, "Via Roma Antica", ""));
        assert!(score("via roma", false, "Via Romano", "") < 0.5);
    }

    #[test]
    fn misspelt_and_unfinished_words_count_less_than_right_ones() {
        let right = score("garibaldi", false, "Via Garibaldi", "");
        let begun = score("gari", true, "Via Garibaldi", "");
        let wrong = score("garibladi", false, "Via Garibaldi", "");
        assert!(right > wrong && right > begun && wrong > 0.6 && begun > 0.6);
        assert!(score("giribal", true, "Via Garibaldi", "") > 0.5, "unfinished and misspelt");
        assert!(score("gari", false, "Via Garibaldi", "").abs() < 1e-6);
    }

    #[test]
    fn kinds_may_be_left_out_or_mistaken() {
        let asked = score("campo dei fabbri", false, "Calle dei Fabbri", "");
        assert!(asked > 0.6 && asked < score("calle dei fabri", false, "Calle dei Fabbri", ""));
    }

    #[test]
    fn what_stands_beside_the_name_counts_too() {
        let there = score("via piave mestre", false, "Via Piave", "Mestre");
        assert!(there > score("via piave mestre", false, "Via Piave", "Dese") && there > 0.9);
    }
}
