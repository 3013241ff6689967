//! Names, as a Venetian would give them.

use crate::rng::mix;

const TOWNS: [&str; 40] = [
    "Valmarana Terraferma", "Campoverardo", "Sant'Alvise in Bosco", "Trivignan", "Ca' Morosina", "Dese Vecio", "Pralongo",
    "Fossalta dei Dogi", "Ca' Zorzi", "San Biagio dei Campi", "Villa Gradenigo", "Musestre Basso", "Passarella di Sile",
    "Zelo", "Ponte di Tessera", "Marteggia", "Favorita", "Ca' Bianca", "Roncade Basso", "Meolo Novo", "San Nicolò dei Fossi",
    "Campalto Alto", "Chirignan", "Gaggio dei Frati", "Spinè", "Olmo Grando", "Cesarolo", "Brian", "Ottava Presa",
    "Torre di Fine", "Stretti", "Boccafossa", "Ca' Corniani", "Lugugnana Vecia", "Sindacale", "Marango", "Giussago dei Prà",
    "Villaviera", "Ca' Cottoni", "Prati Novi",
];

/// Name of the n-th town.
pub fn town(n: usize) -> String {
    match n / TOWNS.len() {
        0 => TOWNS[n].to_owned(),
        round => format!("{} {}", TOWNS[n % TOWNS.len()], ["di Sopra", "di Sotto", "Novo", "Vecio", "al Fiume", "dei Prà"].get(round - 1).map_or_else(|| roman(round), |s| (*s).to_owned())),
    }
}

fn roman(n: usize) -> String {
    const PARTS: [(usize, &str); 9] = [(100, "C"), (90, "XC"), (50, "L"), (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I")];
    let mut left = n;
    let mut out = String::new();
    for (value, letters) in PARTS {
        while left >= value {
            out.push_str(letters);
            left -= value;
        }
    }
    out
}

/// The six sestieri.
pub const SESTIERI: [&str; 6] = ["Dorsale", "San Marcuola", "Castelvecio", "Santa Fosca", "Canalgrando", "San Zaccaria"];

/// Well-known names that every Italian town gives to its streets.
const FAMOUS: [&str; 120] = [
    "Roma", "Giuseppe Garibaldi", "Giuseppe Mazzini", "Dante Alighieri", "Camillo Benso di Cavour", "Giuseppe Verdi",
    "Guglielmo Marconi", "Giacomo Matteotti", "della Libertà", "XXV Aprile", "IV Novembre", "Vittorio Veneto", "Trento",
    "Trieste", "Piave", "Monte Grappa", "Antonio Gramsci", "Alcide De Gasperi", "Aldo Moro", "John Fitzgerald Kennedy",
    "Leonardo da Vinci", "Michelangelo Buonarroti", "Raffaello Sanzio", "Giovanni Bellini", "Giorgione", "Tiziano Vecellio",
    "Jacopo Tintoretto", "Paolo Veronese", "Andrea Palladio", "Baldassare Longhena", "Antonio Canova", "Giambattista Tiepolo",
    "Canaletto", "Francesco Guardi", "Rosalba Carriera", "Pietro Longhi", "Carlo Goldoni", "Gaspara Stampa", "Ugo Foscolo",
    "Giacomo Leopardi", "Alessandro Manzoni", "Giosuè Carducci", "Giovanni Pascoli", "Gabriele D'Annunzio", "Luigi Pirandello",
    "Grazia Deledda", "Salvatore Quasimodo", "Eugenio Montale", "Italo Calvino", "Elsa Morante", "Cesare Pavese", "Primo Levi",
    "Antonio Vivaldi", "Benedetto Marcello", "Claudio Monteverdi", "Tomaso Albinoni", "Gioachino Rossini", "Vincenzo Bellini",
    "Giacomo Puccini", "Arturo Toscanini", "Marco Polo", "Cristoforo Colombo", "Amerigo Vespucci", "Sebastiano Caboto",
    "Galileo Galilei", "Alessandro Volta", "Luigi Galvani", "Evangelista Torricelli", "Enrico Fermi", "Rita Levi-Montalcini",
    "Maria Montessori", "Elena Cornaro Piscopia", "Caterina Cornaro", "Veronica Franco", "Moderata Fonte", "Anna Kuliscioff",
    "Teresa Mattei", "Nilde Iotti", "Tina Anselmi", "Lina Merlin", "Ippolito Nievo", "Daniele Manin", "Niccolò Tommaseo",
    "Nazario Sauro", "Cesare Battisti", "Enrico Toti", "Goffredo Mameli", "Fratelli Bandiera", "Carlo Pisacane",
    "Silvio Pellico", "Massimo D'Azeglio", "Vincenzo Gioberti", "Giovanni Falcone", "Paolo Borsellino", "Vittorio Bachelet",
    "Carlo Alberto dalla Chiesa", "Enrico Berlinguer", "Sandro Pertini", "Luigi Einaudi", "Altiero Spinelli", "Alpini",
    "Bersaglieri", "Martiri della Libertà", "dei Partigiani", "della Resistenza", "della Costituzione", "delle Nazioni Unite",
    "Europa", "Bologna", "Padova", "Treviso", "Verona", "Vicenza", "Belluno", "Udine", "Gorizia", "Pola", "Zara", "Fiume", "Ravenna",
];

const FLOWERS: [&str; 40] = [
    "dei Tigli", "delle Acacie", "dei Pioppi", "degli Olmi", "delle Rose", "dei Gelsi", "delle Robinie", "dei Salici",
    "dei Platani", "delle Magnolie", "degli Aceri", "dei Carpini", "delle Betulle", "dei Frassini", "dei Ciliegi", "dei Noci",
    "delle Viole", "dei Gigli", "delle Primule", "dei Papaveri", "delle Ginestre", "degli Oleandri", "delle Camelie",
    "dei Glicini", "delle Rondini", "degli Aironi", "dei Gabbiani", "delle Allodole", "dei Cardellini", "delle Cicogne",
    "delle Fornaci", "dei Mulini", "delle Filande", "dei Bragozzi", "delle Peschiere", "dei Casoni", "dei Lavandai",
    "delle Messi", "della Vendemmia", "dei Fossi",
];

const GIVEN: [&str; 48] = [
    "Giovanni", "Maria", "Antonio", "Anna", "Pietro", "Lucia", "Francesco", "Elena", "Marco", "Caterina", "Angelo", "Teresa",
    "Luigi", "Rosa", "Domenico", "Giulia", "Paolo", "Chiara", "Andrea", "Laura", "Alvise", "Marina", "Zuane", "Bianca",
    "Girolamo", "Isabella", "Lorenzo", "Cecilia", "Sebastiano", "Beatrice", "Tommaso", "Ottavia", "Bartolomeo", "Elisabetta",
    "Jacopo", "Margherita", "Vettor", "Orsola", "Leonardo", "Adriana", "Nicolò", "Camilla", "Matteo", "Virginia", "Giacomo",
    "Agnese", "Stefano", "Emilia",
];

const FAMILY: [&str; 110] = [
    "Barbarigo", "Bembo", "Bragadin", "Cappello", "Contarini", "Corner", "Dandolo", "Dolfin", "Donà", "Emo", "Erizzo",
    "Falier", "Foscari", "Foscarini", "Gradenigo", "Grimani", "Gritti", "Loredan", "Malipiero", "Marcello", "Memmo", "Michiel",
    "Mocenigo", "Morosini", "Nani", "Pesaro", "Pisani", "Priuli", "Querini", "Renier", "Ruzzini", "Sagredo", "Soranzo",
    "Tiepolo", "Trevisan", "Tron", "Valier", "Vendramin", "Venier", "Zen", "Ziani", "Zorzi", "Zustinian", "Badoer", "Balbi",
    "Baseggio", "Boldù", "Bon", "Calbo", "Cavalli", "Celsi", "Civran", "Cocco", "Condulmer", "Da Mosto", "Da Ponte", "Duodo",
    "Ghisi", "Labia", "Lando", "Lezze", "Lippomano", "Manolesso", "Marin", "Minio", "Minotto", "Moro", "Muazzo", "Navagero",
    "Orio", "Paruta", "Polani", "Premarin", "Salamon", "Sanudo", "Semitecolo", "Surian", "Vitturi", "Viaro", "Zane", "Zancariol",
    "Bordin", "Scarpa", "Vianello", "Busetto", "Ballarin", "Rosada", "Zennaro", "Boscolo", "Tiozzo", "Penzo", "Furlan",
    "Pavan", "Carraro", "Favaretto", "Bortoluzzi", "Toffolo", "Seno", "Tagliapietra", "Costantini", "D'Este", "Rossi",
    "Zanella", "Moretto", "Fabris", "Marangon", "Vio", "Nardi", "Padoan", "Lazzarini",
];

const CRAFTS: [&str; 84] = [
    "del Forno", "dei Fabbri", "del Pistor", "dei Botteri", "del Remer", "dei Saoneri", "del Cafetier", "de la Malvasia",
    "dei Spezier", "del Magazen", "dei Orbi", "del Squero", "de le Rasse", "dei Albanesi", "del Pestrin", "dei Bombaseri",
    "de la Mandola", "dei Frati", "de le Muneghe", "del Traghetto", "dei Nicoli", "del Cristo", "de la Madona", "dei Preti",
    "del Piovan", "de l'Ogio", "dei Stagneri", "del Paradiso", "dei Armeni", "de le Ostreghe", "dei Calegheri", "del Tagiapiera",
    "de la Pegola", "dei Corazzeri", "del Dose", "de la Vida", "dei Meloni", "de le Carampane", "del Sturion", "dei Cinque",
    "de l'Anzolo", "del Zucaro", "dei Boteghe", "de la Passion", "dei Muti", "dei Mori", "de la Sensa", "dei Riformati",
    "del Capitelo", "dei Ormesini", "de l'Aseo", "del Perdon", "de la Bissa", "dei Miracoli", "de le Erbe", "del Vin",
    "del Carbon", "del Ferro", "de la Pescaria", "dei Pignoli", "dei Segretari", "de la Verona", "dei Avocati", "del Teatro",
    "de le Botteghe", "dei Garzoti", "del Gallion", "de la Laca", "dei Secchi", "del Ogio", "de le Chiovere", "de la Lana",
    "dei Amai", "del Malcanton", "dei Ragusei", "de l'Avogaria", "dei Guardiani", "de la Toletta", "dei Lotti", "del Vento",
    "de le Eremite", "dei Incurabili", "del Spirito Santo", "de la Zattera",
];

const SAINTS: [&str; 48] = [
    "San Polo", "San Zulian", "Santa Marina", "San Lio", "San Canzian", "Santi Apostoli", "San Felice", "Santa Sofia",
    "San Marziale", "Sant'Alvise", "San Leonardo", "San Geremia", "San Simeon", "San Giacomo", "San Stae", "San Cassian",
    "San Silvestro", "San Aponal", "San Tomà", "San Rocco", "San Pantalon", "Santa Margherita", "San Barnaba", "San Trovaso",
    "Sant'Agnese", "San Vio", "San Gregorio", "San Basegio", "Sant'Anzolo", "San Stin", "San Samuele", "San Vidal",
    "San Maurizio", "San Fantin", "San Beneto", "San Luca", "San Salvador", "San Bortolomio", "San Moisè", "San Zanipolo",
    "Santa Giustina", "San Francesco", "Santa Ternita", "San Martin", "San Piero", "Sant'Isepo", "Sant'Elena", "San Severo",
];

/// A saint's name.
pub fn saint(seed: u64) -> &'static str {
    SAINTS[(mix(seed) % SAINTS.len() as u64) as usize]
}

/// A family name.
pub fn family(seed: u64) -> &'static str {
    FAMILY[(mix(seed) >> 13) as usize % FAMILY.len()]
}

/// A well-known person (for schools).
pub fn famous(seed: u64) -> &'static str {
    FAMOUS[15 + (mix(seed) % 80) as usize]
}

/// An old-town name: a craft, a saint or a family.
pub fn old_name(seed: u64) -> String {
    let hash = mix(seed);
    match hash % 8 {
        0 | 1 => SAINTS[(hash >> 8) as usize % SAINTS.len()].to_owned(),
        2 | 3 => FAMILY[(hash >> 8) as usize % FAMILY.len()].to_owned(),
        _ => CRAFTS[(hash >> 8) as usize % CRAFTS.len()].to_owned(),
    }
}

/// The n-th street name of the mainland: famous ones first, then plants, then people; different as long as there
/// are names.
pub fn street_name(n: usize) -> String {
    if n < FAMOUS.len() {
        return FAMOUS[n].to_owned();
    }
    let n = n - FAMOUS.len();
    if n < FLOWERS.len() {
        return FLOWERS[n].to_owned();
    }
    // 2,539 is prime to 48 × 110, so that every pair comes once.
    let pair = (n - FLOWERS.len()) * 2_539 % (GIVEN.len() * FAMILY.len());
    format!("{} {}", GIVEN[pair % GIVEN.len()], FAMILY[pair / GIVEN.len()])
}
