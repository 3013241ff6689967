//! Attached tables that are too large for memory.

use std::sync::Arc;
use std::time::Duration;

use bricola_layers::definition::{Keep, Scope};
use bricola_layers::feature::FeatureId;
use bricola_layers::query::cql2::Filter;
use bricola_layers::query::{Selection, SortKey, sought};
use bricola_layers::store::{PostgisOptions, PostgisStore, RedactedUrl, Sight, Sought, Store, StoreError};
use futures::StreamExt;

use super::{all, database, everything};
use crate::cluster::cluster;

/// Every third row names a person by the tax code.
const TABLES: &str = "CREATE TABLE big (id int PRIMARY KEY, \"Nota\" text, n numeric, geom geometry(Point, 7795)); \
    INSERT INTO big SELECT i, CASE i % 3 WHEN 0 THEN 'di RSSMRA80A01H501U' WHEN 1 THEN 'Calle ' || i END, \
    CASE WHEN i % 10 = 0 THEN 'NaN' ELSE i / 4.0 END, ST_SetSRID(ST_Point(3026510 + i, 5033255), 7795) \
    FROM generate_series(1, 300) AS i; \
    CREATE VIEW seen AS SELECT * FROM big WHERE id > 100; \
    CREATE TABLE hashed (a uuid PRIMARY KEY DEFAULT gen_random_uuid(), n int, geom geography(Point)); \
    INSERT INTO hashed (n, geom) SELECT i, ST_Point(12 + i / 1000.0, 45)::geography FROM generate_series(1, 50) AS i;";

async fn found(store: &PostgisStore, layer: &str, sought: Sought) -> Result<Vec<FeatureId>, StoreError> {
    let mut answer = store.seek(layer, Arc::new(sought));
    let mut found = Vec::new();
    while let Some(sight) = answer.next().await {
        if let Sight::Rows(rows) = sight? {
            found.extend(rows.iter().map(|row| row.id));
        }
    }
    Ok(found)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_patterns_name_is_asked_in_the_database_and_withholds_what_is_withheld() {
    let database = database(TABLES).await;
    let url = RedactedUrl::new(cluster().url(&database));
    let options = PostgisOptions { stored: vec!["*.*".to_owned()], ..PostgisOptions::new(url, "city") };
    let store = PostgisStore::open(options).await.expect("opens");
    store.attach(&everything()).await.expect("attaches");
    let layers = store.layers().await.expect("lists");
    let kept: Vec<(&str, Keep)> = layers.iter().map(|layer| (&*layer.definition.id, layer.definition.keep)).collect();
    // A view has no key that anybody promised.
    assert_eq!(kept, [("big", Keep::Stored), ("hashed", Keep::Stored), ("seen", Keep::Cached)]);
    for (id, filters) in [
        (
            "big",
            &[
                "nota LIKE '%RSSMRA80A01H501U%'",
                "nota IS NULL",
                "nota IS NOT NULL",
                "NOT (nota = 'Calle 1')",
                "CASEI(nota) = 'calle 4' OR n > 70",
                "n IS NULL",
                "n * 4 = 44 OR n < 1",
                "S_INTERSECTS(geometry, BBOX(12.338, 45.433, 12.339, 45.435))",
                "nota <> '' AND n > 20",
            ][..],
        ),
        ("hashed", &["n > 40", "S_WITHIN(geometry, BBOX(12.0005, 44, 12.0105, 46))", "geometry IS NULL"][..]),
    ] {
        let definition =
            Arc::new(layers.iter().find(|layer| layer.definition.id == id).expect("there").definition.clone());
        let rows = all(&store, id).await;
        for text in filters {
            let parsed = Filter::from_text(text).expect("parsed");
            for (wanted, contrary) in [(Some(true), false), (Some(false), true)] {
                let bound = parsed.bind(&definition, Scope::PUBLIC).expect("bound");
                let expected: Vec<FeatureId> =
                    rows.iter().filter(|row| bound.condition().holds(*row) == wanted).map(|row| row.id).collect();
                let asked = if contrary {
                    Filter::from_text(&format!("NOT ({text})")).expect("parsed")
                } else {
                    parsed.clone()
                };
                let filters = vec![asked.bind(&definition, Scope::PUBLIC).expect("bound")];
                let selection = Arc::new(Selection { filters, ..Selection::default() });
                let question = sought(&definition, &selection, &[], None, Duration::from_secs(20));
                assert_eq!(found(&store, id, question).await.expect("answers"), expected, "{text} is {wanted:?}");
            }
        }
        assert!(store.extent(id).await.expect("answers").is_some());
        let by = |name: &str| [SortKey { field: definition.field(name).map(|(field, _)| field), descending: true }];
        let sorted = sought(&definition, &Arc::default(), &by("n"), None, Duration::from_secs(20));
        assert_eq!(found(&store, id, sorted).await.expect("answers").len(), rows.len());
        if id == "big" {
            // An order by what is withheld would tell of it.
            let sorted = sought(&definition, &Arc::default(), &by("nota"), None, Duration::from_secs(20));
            assert!(matches!(found(&store, id, sorted).await, Err(StoreError::Unsortable)));
        }
    }
}
