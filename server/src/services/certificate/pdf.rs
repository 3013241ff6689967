//! The certificates as a PDF (ISO 32000): plain pages in a font that every reader has, without a date of making, so that the
//! same certificates are the same bytes.

use bricola_territory::cdu::{Certificate, LayerResult, PieceResult, PlanStatus};
use pdf_writer::{Content, Name, Pdf, Rect, Ref, Str};

use super::Issued;
use super::helvetica::{encoded, width};

/// A4, in points.
const PAGE: [f32; 2] = [595.0, 842.0];
const MARGIN: f32 = 57.0;
/// Points of body text, of lines, of titles.
const SIZE: f32 = 9.5;
const LINE: f32 = 13.0;
const LARGE: f32 = 15.0;
const MIDDLE: f32 = 11.5;
/// Where the columns of a table begin and how wide they are; the last two are set to the right.
const COLUMNS: [(f32, f32); 5] = [(0.0, 150.0), (155.0, 130.0), (290.0, 80.0), (375.0, 60.0), (440.0, 41.0)];

/// The pages as they grow.
struct Paper {
    pages: Vec<Content>,
    y: f32,
}

impl Paper {
    fn new() -> Self {
        Self { pages: vec![Content::new()], y: PAGE[1] - MARGIN }
    }

    /// Makes sure that there is room.
    fn need(&mut self, height: f32) {
        if self.y - height < MARGIN + LINE {
            self.pages.push(Content::new());
            self.y = PAGE[1] - MARGIN;
        }
    }

    fn put(&mut self, x: f32, text: &str, font: &'static [u8], size: f32) {
        let y = self.y;
        let Some(page) = self.pages.last_mut() else { return };
        page.begin_text();
        page.set_font(Name(font), size);
        page.next_line(MARGIN + x, y);
        page.show(Str(&encoded(text)));
        page.end_text();
    }

    /// Lines of text over the whole width.
    fn say(&mut self, text: &str, font: &'static [u8], size: f32) {
        for line in wrapped(text, PAGE[0] - 2.0 * MARGIN, font, size) {
            self.need(size * 1.35);
            self.y -= size * 1.35;
            self.put(0.0, &line, font, size);
        }
    }

    fn space(&mut self, height: f32) {
        self.y -= height;
    }

    /// A row of a table.
    fn row(&mut self, cells: [&str; 5], font: &'static [u8]) {
        let wrapped: Vec<Vec<String>> =
            cells.iter().zip(COLUMNS).map(|(cell, (_, wide))| wrapped(cell, wide, font, SIZE)).collect();
        let lines = wrapped.iter().map(Vec::len).max().unwrap_or(0);
        self.need(lines as f32 * LINE);
        for line in 0..lines {
            self.y -= LINE;
            for (column, ((x, wide), cell)) in COLUMNS.iter().zip(&wrapped).enumerate() {
                let Some(text) = cell.get(line) else { continue };
                let shift = if column >= 3 { wide - measure(text, font, SIZE) } else { 0.0 };
                self.put(x + shift, text, font, SIZE);
            }
        }
        self.space(2.0);
    }
}

const PLAIN: &[u8] = b"F1";
const BOLD: &[u8] = b"F2";

/// The file.
pub fn pdf(tenant: &str, issued: &Issued) -> Vec<u8> {
    let mut paper = Paper::new();
    paper.say(tenant, PLAIN, SIZE);
    paper.say("Destinazione urbanistica di particelle", BOLD, LARGE);
    paper.say("DPR 6 giugno 2001, n. 380, art. 30", PLAIN, SIZE);
    for certificate in &issued.certificates {
        write(&mut paper, certificate);
    }
    paper.space(LINE);
    let evidence = &issued.document["evidence"];
    paper.say(&format!("Dati fino alla modifica n. {}", evidence["seq"]), PLAIN, SIZE);
    paper.say(&format!("Impronta SHA-256: {}", evidence["sha256"].as_str().unwrap_or_default()), PLAIN, SIZE);
    bound(paper.pages)
}

fn write(paper: &mut Paper, certificate: &Certificate) {
    paper.space(LINE);
    paper.need(5.0 * LINE);
    paper.say(&format!("Particella {}", certificate.parcel), BOLD, MIDDLE);
    let registered = certificate.registered_m2.as_ref();
    let registered = registered.map(|m2| format!("; superficie catastale {} m²", comma(m2))).unwrap_or_default();
    let day = certificate.day.format("%d/%m/%Y");
    paper.say(
        &format!("Alla data del {day}. Superficie sulla mappa {} m²{registered}.", comma(&certificate.area_m2)),
        PLAIN,
        SIZE,
    );
    for warning in &certificate.warnings {
        paper.say(&format!("Attenzione: {}.", warning.text.it), BOLD, SIZE);
    }
    for layer in &certificate.layers {
        of_layer(paper, layer);
    }
}

fn of_layer(paper: &mut Paper, layer: &LayerResult) {
    let status = match layer.status {
        PlanStatus::Adopted => "adottato, in salvaguardia",
        PlanStatus::Approved => "approvato",
    };
    paper.space(LINE / 2.0);
    paper.need(4.0 * LINE);
    paper.say(&format!("{} – {status}", layer.plan), BOLD, SIZE);
    if layer.zones.is_empty() && layer.accessory.is_empty() {
        paper.say("Nessuna zona.", PLAIN, SIZE);
    } else {
        paper.row(["Zona", "Piano", "Articolo", "m²", "%"], BOLD);
        for piece in &layer.zones {
            of_piece(paper, piece, "");
        }
        for piece in &layer.accessory {
            of_piece(paper, piece, " (scarto della mappa)");
        }
    }
    if let (Some(gap), Some(percent)) = (&layer.gap_m2, &layer.gap_percent)
        && gap != "0.00"
    {
        paper.say(&format!("Senza zona: {} m² ({} %)", comma(gap), comma(percent)), PLAIN, SIZE);
    }
    for overlap in &layer.overlaps {
        let [a, b] = &overlap.zones;
        paper.say(&format!("In due zone, {a} e {b}: {} m²", comma(&overlap.m2)), PLAIN, SIZE);
    }
    for near in &layer.near {
        let text = format!("Entro la tolleranza della mappa: zona {} a {} m", near.code, comma(&near.distance_m));
        paper.say(&text, PLAIN, SIZE);
    }
}

fn of_piece(paper: &mut Paper, piece: &PieceResult, note: &str) {
    let name = if piece.name == piece.code { String::new() } else { format!(" {}", piece.name) };
    let zone = format!("{}{name}{note}", piece.code);
    let act = piece.act.as_ref().map(|act| format!(" ({act})")).unwrap_or_default();
    let plan = format!("{}{act}", piece.plan.as_deref().unwrap_or_default());
    let article = piece.article.as_deref().unwrap_or_default();
    paper.row([&zone, &plan, article, &comma(&piece.m2), &comma(&piece.percent)], PLAIN);
}

fn comma(number: &str) -> String {
    number.replace('.', ",")
}

fn measure(text: &str, font: &[u8], size: f32) -> f32 {
    text.chars().map(|c| f32::from(width(c, font == BOLD))).sum::<f32>() * size / 1000.0
}

/// Lines no wider than that; a word that is wider stands alone, and is cut.
fn wrapped(text: &str, wide: f32, font: &[u8], size: f32) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let mut rest = word.to_owned();
        while !rest.is_empty() {
            let Some(line) = lines.last_mut() else { break };
            let joined = if line.is_empty() { rest.clone() } else { format!("{line} {rest}") };
            if measure(&joined, font, size) <= wide {
                *line = joined;
                break;
            }
            if line.is_empty() {
                let fits = (1..=rest.chars().count())
                    .take_while(|n| measure(&rest.chars().take(*n).collect::<String>(), font, size) <= wide)
                    .last()
                    .unwrap_or(1);
                *line = rest.chars().take(fits).collect();
                rest = rest.chars().skip(fits).collect();
            }
            lines.push(String::new());
        }
    }
    lines.retain(|line| !line.is_empty());
    lines
}

/// The pages as a file, each with its number.
fn bound(pages: Vec<Content>) -> Vec<u8> {
    let (catalog, tree, plain, bold) = (Ref::new(1), Ref::new(2), Ref::new(3), Ref::new(4));
    let of = |page: usize| (Ref::new(5 + 2 * page as i32), Ref::new(6 + 2 * page as i32));
    let count = pages.len();
    let mut pdf = Pdf::new();
    pdf.catalog(catalog).pages(tree).lang(pdf_writer::TextStr("it"));
    pdf.pages(tree).kids((0..count).map(|page| of(page).0)).count(count as i32);
    for (font, name) in [(plain, "Helvetica"), (bold, "Helvetica-Bold")] {
        let mut written = pdf.type1_font(font);
        written.base_font(Name(name.as_bytes()));
        written.encoding_predefined(Name(b"WinAnsiEncoding"));
    }
    for (number, mut content) in pages.into_iter().enumerate() {
        let (page, body) = of(number);
        content.begin_text();
        content.set_font(Name(PLAIN), 8.0);
        content.next_line(PAGE[0] - MARGIN - 30.0, MARGIN / 2.0);
        content.show(Str(format!("{} / {count}", number + 1).as_bytes()));
        content.end_text();
        let mut written = pdf.page(page);
        written.parent(tree).media_box(Rect::new(0.0, 0.0, PAGE[0], PAGE[1])).contents(body);
        written.resources().fonts().pair(Name(PLAIN), plain).pair(Name(BOLD), bold);
        drop(written);
        pdf.stream(body, &content.finish());
    }
    pdf.finish()
}
