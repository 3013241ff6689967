//! A database that fails over to its streaming standby, under edits.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::super::postgis::{Cluster, PostGis};
use super::super::replicas::{free_port, in_turn, serve};
use super::scene::{Clerks, Scene};

/// A city whose database has a standby.
async fn with_standby() -> (Scene, Arc<Cluster>, Arc<Cluster>) {
    let primary = tokio::task::spawn_blocking(|| Arc::new(Cluster::start(""))).await.expect("starts");
    let scene = Scene::over(PostGis::start_in(&primary)).await;
    let copied = Arc::clone(&primary);
    let standby = tokio::task::spawn_blocking(move || Arc::new(copied.standby())).await.expect("starts");
    (scene, primary, standby)
}

/// Makes the standby the database, and the address of the database lead to it, as Patroni would.
async fn fail_over(scene: &mut Scene, primary: &Cluster, standby: &Arc<Cluster>) {
    primary.kill();
    scene.until(&scene.disturbed, "stale").await;
    scene.database = Arc::new(scene.database.moved_to(standby));
    assert_eq!(scene.database.sql("SELECT pg_promote()").trim(), "t");
}

/// The address leads to the new database; the server is to go on there by itself, and to end equal to one that has
/// never known another.
async fn go_on(scene: &mut Scene, standby: &Cluster) -> Value {
    let started = Instant::now();
    scene.proxy.lead_to(standby.port);
    scene.until(&scene.disturbed, "ok").await;
    let again = started.elapsed();
    scene.calm = serve(&scene.folder, &scene.database.url(), free_port());
    scene.until(&scene.calm, "ok").await;
    let clerks = Clerks::at(&scene.database, 2);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(clerks.go() > 0, "the new database takes edits");
    let agreed = scene.agree().await;
    println!("followed the new database after {again:?}, equal to it after {agreed:?}");
    scene.client.get(&scene.disturbed.url, "/status", 0).await.json().await.expect("JSON")
}

/// Inserts fountains one by one until the database is away; how many it said it has.
fn insert_until_away(database: &PostGis) -> u64 {
    let mut number = 0;
    loop {
        let insert = format!(
            "INSERT INTO city.fountains (geom, code, name, status) SELECT ST_Translate(geom, {number}, 3), 'sure {number}', \
             'Fontana {number}', 'active' FROM city.fountains ORDER BY fid LIMIT 1"
        );
        if database.try_sql(&insert).is_err() {
            return number;
        }
        number += 1;
    }
}

#[test]
fn a_synchronous_standby_takes_over_and_nothing_that_was_committed_is_lost() {
    in_turn(async {
        let (mut scene, primary, standby) = with_standby().await;
        scene.database.sql("ALTER SYSTEM SET synchronous_standby_names = '*'");
        scene.database.sql("SELECT pg_reload_conf()");
        let clerks = Clerks::at(&scene.database, 1);
        let inserting = tokio::task::spawn_blocking({
            let database = Arc::clone(&scene.database);
            move || insert_until_away(&database)
        });
        let started = Instant::now();
        let inserted = "SELECT count(*) > 20 FROM city.fountains WHERE code LIKE 'sure %'";
        while scene.database.sql(inserted).trim() != "t" {
            assert!(started.elapsed() < Duration::from_secs(60), "nothing is inserted");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        fail_over(&mut scene, &primary, &standby).await;
        let (sure, made) = (inserting.await.expect("ends"), clerks.go());
        // The last ones may be committed and not numbered yet: the server gathers what comes in a stream.
        scene.database.sql("SELECT bricola.sequence()");
        let there: u64 = scene.database.sql(
            "SELECT count(DISTINCT id) FROM bricola.changes, unnest(ids) AS id WHERE layer = 'fountains' AND operation = 'insert' \
             AND (id IN (SELECT fid FROM city.fountains WHERE code LIKE 'sure %') \
             OR id IN (SELECT fid FROM city_history.fountains WHERE code LIKE 'sure %'))",
        ).trim().parse().expect("a number");
        println!("{sure} inserts and {made} edits before the failure, {there} inserts after it");
        // The standby waits for nobody any more; the one that the failure cut off may have been committed.
        assert!(sure > 10 && (sure..=sure + 1).contains(&there), "{sure} said, {there} there");
        let status = go_on(&mut scene, &standby).await;
        assert_eq!(status["store"]["setbacks"], 0, "{status}");
        scene.end();
    });
}

/// Commits that the standby never got are lost: the log is set back. The new one may have grown past the end of the old
/// by the time the server comes back, so that their numbers say nothing.
async fn lost(grown: bool) {
    let (mut scene, primary, standby) = with_standby().await;
    let behind = scene.database.moved_to(&standby);
    behind.sql("ALTER SYSTEM SET primary_conninfo = ''");
    behind.sql("SELECT pg_reload_conf()");
    let started = Instant::now();
    while behind.sql("SELECT count(*) FROM pg_stat_wal_receiver").trim() != "0" {
        assert!(started.elapsed() < Duration::from_secs(10), "the standby goes on receiving");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let clerks = Clerks::at(&scene.database, 1);
    tokio::time::sleep(Duration::from_secs(2)).await;
    let made = clerks.go();
    let seq: i64 = scene.database.sql("SELECT bricola.sequence()").trim().parse().expect("a seq");
    assert_eq!(scene.client.get(&scene.disturbed.url, "/status", seq).await.status(), 200, "all of it was read");
    fail_over(&mut scene, &primary, &standby).await;
    if grown {
        scene.database.sql(
            "UPDATE city.fountains SET name = 'altra'; UPDATE city.fountains SET geom = ST_Translate(geom, 50, 50); \
             UPDATE city.parcels SET label = 'altra' WHERE fid % 2 = 0",
        );
    }
    let now: i64 = scene.database.sql("SELECT bricola.sequence()").trim().parse().expect("a seq");
    assert_eq!(now > seq, grown, "{now} after {seq}");
    let status = go_on(&mut scene, &standby).await;
    println!("{made} edits lost, the log ended at {seq} and then at {now}");
    assert_eq!(status["store"]["setbacks"], 1, "{status}");
    scene.end();
}

#[test]
fn a_standby_that_lacks_the_last_commits_is_followed_from_where_it_stands() {
    in_turn(lost(false));
}

#[test]
fn a_standby_that_lacks_commits_and_has_others_in_their_place_is_read_anew() {
    in_turn(lost(true));
}
