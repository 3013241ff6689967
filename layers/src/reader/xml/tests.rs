use super::*;
use crate::reader::source::Stream;

fn cut(xml: &[u8]) -> Vec<Piece> {
    let stream: Stream = Box::new(std::io::Cursor::new(xml.to_vec()));
    let mut cutter = Cutter::new("a.xml", stream, |name| name == "m", |name| name == "ms").expect("opens");
    let mut pieces = Vec::new();
    while let Some(piece) = cutter.next_piece().expect("a piece") {
        pieces.push(piece);
    }
    pieces
}

fn member(xml: &str) -> Piece {
    Piece::Member(xml.as_bytes().to_vec())
}

fn close(name: &str, text: &str) -> Piece {
    Piece::Close { name: name.into(), text: text.into() }
}

#[test]
fn members_are_cut_whole_with_cdata_and_without_comments() {
    let xml = br#"<?xml version="1.0"?><!-- <m>no</m> --><r a="1>2"><n>x</n><g:m a='>'>1<!-- </g:m> --><![CDATA[</g:m>]]>2</g:m><m/></r>"#;
    assert_eq!(
        cut(xml),
        [
            Piece::Open("r a=\"1>2\"".into()),
            Piece::Open("n".into()),
            close("n", "x"),
            member("<g:m a='>'>1<![CDATA[</g:m>]]>2</g:m>"),
            member("<m/>"),
            close("r", ""),
        ]
    );
}

#[test]
fn a_member_without_end_is_broken_and_the_next_one_is_whole() {
    let pieces = cut(b"<r><m><a>1</m><m><b></m><m>3</m></r>");
    assert_eq!(pieces[1..4], [member("<m><a>1</m>"), member("<m><b></m>"), member("<m>3</m>")]);
    let pieces = cut(b"<r><m>1<m>2</m></r>");
    assert_eq!(pieces[1..3], [Piece::Broken(b"<m>1".to_vec()), member("<m>2</m>")]);
}

#[test]
fn elements_of_a_list_are_members_whatever_their_name() {
    let pieces = cut(b"<r><ms><a>1</a><b>2</b></ms><c/></r>");
    assert_eq!(pieces[2..4], [member("<a>1</a>"), member("<b>2</b>")]);
    assert_eq!(pieces[5..7], [Piece::Open("c".into()), close("c", "")]);
}

#[test]
fn declared_encodings_are_honoured() {
    let pieces = cut(b"<?xml version='1.0' encoding='ISO-8859-1'?><r><m>Citt\xe0</m></r>");
    assert!(pieces.contains(&member("<m>Città</m>")), "{pieces:?}");
}

#[test]
fn a_truncated_document_says_so() {
    let stream: Stream = Box::new(std::io::Cursor::new(b"<r><m>1".to_vec()));
    let mut cutter = Cutter::new("a.xml", stream, |name| name == "m", |_| false).expect("opens");
    assert_eq!(cutter.next_piece().expect("a piece"), Some(Piece::Open("r".into())));
    assert!(cutter.next_piece().expect_err("cut").to_string().contains("truncated"));
}

#[test]
fn elements_keep_text_entities_and_stray_ampersands() {
    let element =
        Element::parse("<a b='&quot;1'>Roma &amp; figli &#233; &agrave; A & B<![CDATA[<b>]]><c/></a>").expect("parses");
    assert_eq!(element.text, "Roma & figli é &agrave; A & B<b>");
    assert_eq!(element.attribute("b"), Some("\"1"));
    assert!(Element::parse("<a><b></a>").is_err());
    assert!(Element::parse(&"<a>".repeat(500)).expect_err("deep").contains("MAX_NESTING"));
}

#[test]
fn tuples_forgive_blanks_around_commas() {
    let coords = tuples("1,2 3, 4,5\n6 ,7,8", '.', ',').expect("tuples");
    assert_eq!(coords, [(1.0, 2.0), (3.0, 4.0), (6.0, 7.0)].map(Coord::from));
    assert_eq!(tuples("1,5;2,5 3;4", ',', ';').expect("tuples"), [(1.5, 2.5), (3.0, 4.0)].map(Coord::from));
    assert!(tuples("1,2 3", '.', ',').expect_err("one number").contains("two numbers"));
    assert!(tuples("1,x", '.', ',').expect_err("a letter").contains("`x` is not a number"));
}
