//! Tables with more than one geometry.

use bricola_layers::definition::GeometryType;
use bricola_layers::log::Operation;
use bricola_layers::store::{LayerKind, PostgisStore, Store};
use geo_types::Point;

use super::{attached, everything, layers, psql, text};
use crate::sample::all;

const BUILDINGS: &str = "CREATE SCHEMA sit; \
    CREATE TABLE sit.edifici (id int PRIMARY KEY, nome text, geom geometry(Polygon, 25832), \
    \"Ingresso\" geometry(Point, 4326), grezzo geometry, schermo geometry(TIN, 4326)); \
    COMMENT ON TABLE sit.edifici IS 'Edifici'; COMMENT ON COLUMN sit.edifici.\"Ingresso\" IS 'Ingresso principale'; \
    INSERT INTO sit.edifici VALUES (1, 'a', ST_MakeEnvelope(690000, 5030000, 690010, 5030010, 25832), \
    ST_Point(11.4, 45.4, 4326)), (2, 'b', NULL, ST_Point(11.5, 45.5, 4326)); \
    CREATE VIEW sit.viste AS SELECT id, geom, \"Ingresso\" FROM sit.edifici";

/// Ids of the layers, each with what tells of its edits.
async fn kinds(store: &PostgisStore) -> Vec<(String, &'static str)> {
    layers(store).await.into_iter().map(|(id, layer)| (id, layer.kind.name())).collect()
}

fn named(kinds: &[(String, &'static str)]) -> Vec<String> {
    kinds.iter().map(|(id, _)| id.clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_geometry_of_a_table_is_a_layer_and_hears_of_its_edits() {
    let (store, database) = attached(BUILDINGS).await;
    let found = layers(&store).await;
    // The untyped one is empty and the mesh cannot be published: neither costs the others anything.
    let ids: Vec<&str> = found.keys().map(String::as_str).collect();
    assert_eq!(ids, ["edifici", "edifici-ingresso", "viste", "viste-ingresso"]);
    let (first, further) = (&found["edifici"], &found["edifici-ingresso"]);
    assert_eq!((&first.kind, &further.kind), (&LayerKind::Tracked, &LayerKind::Tracked));
    assert_eq!(
        (first.definition.geometry, first.definition.crs.as_deref()),
        (GeometryType::Polygon, Some("EPSG:25832"))
    );
    assert_eq!(
        (further.definition.geometry, further.definition.crs.as_deref()),
        (GeometryType::Point, Some("EPSG:4326"))
    );
    assert_eq!(
        (&*first.definition.title.it, &*further.definition.title.it),
        ("Edifici", "Edifici: Ingresso principale")
    );
    let fields = |id: &str| found[id].definition.fields.iter().map(|field| field.name.clone()).collect::<Vec<_>>();
    assert_eq!((fields("edifici"), fields("edifici-ingresso")), (vec!["nome".to_owned()], vec!["nome".to_owned()]));

    let rows = all(&store, "edifici-ingresso").await;
    assert_eq!(rows.iter().map(|row| row.id).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(rows[1].feature.geometry, Some(Point::new(11.5, 45.5).into()));
    assert_eq!(all(&store, "edifici").await[1].feature.geometry, None);
    assert_eq!(all(&store, "viste-ingresso").await.len(), 2);

    let seq = store.last_seq().await.expect("answers");
    psql(&database, "UPDATE sit.edifici SET nome = 'c' WHERE id = 2").await;
    store.last_seq().await.expect("answers");
    let changes = store.changes(seq, 10).await.expect("reads");
    let mut heard: Vec<_> = changes.iter().map(|change| (change.layer.as_str(), change.id, change.operation)).collect();
    heard.sort_unstable_by_key(|(layer, ..)| *layer);
    let update = |layer| (layer, Some(2), Operation::Update);
    assert_eq!(heard, [update("edifici"), update("edifici-ingresso")]);
    for layer in ["edifici", "edifici-ingresso"] {
        let rows = store.features(layer, &[2]).await.expect("reads");
        assert_eq!(rows[0].feature.properties, [text("c")], "{layer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_that_come_go_and_are_renamed_leave_the_other_layers_of_the_table_alone() {
    let (store, database) = attached(BUILDINGS).await;
    psql(&database, "DROP VIEW sit.viste; ALTER TABLE sit.edifici RENAME geom TO the_geom").await;
    store.attach(&everything()).await.expect("attaches");
    let found = kinds(&store).await;
    assert_eq!(named(&found), ["edifici", "edifici-ingresso"]);
    assert_eq!(all(&store, "edifici").await.len(), 2);

    psql(&database, "ALTER TABLE sit.edifici DROP \"Ingresso\", ADD tetto geometry(Polygon, 25832)").await;
    store.attach(&everything()).await.expect("attaches");
    let found = kinds(&store).await;
    assert_eq!(named(&found), ["edifici", "edifici-tetto"]);
    // One of two layers went: the table's triggers stay.
    assert!(found.iter().all(|(_, kind)| *kind == "tracked"), "{found:?}");

    // Taken out by a pattern of its own, the first too.
    for (pattern, left) in [("!sit.edifici.tetto", "edifici"), ("!sit.edifici.the_geom", "edifici-tetto")] {
        store.attach(&["*".to_owned(), pattern.to_owned()]).await.expect("attaches");
        assert_eq!(named(&kinds(&store).await), [left], "{pattern}");
    }
    psql(&database, "DROP TABLE sit.edifici").await;
    store.attach(&everything()).await.expect("attaches");
    assert!(layers(&store).await.is_empty());
}
