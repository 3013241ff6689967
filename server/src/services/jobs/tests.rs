//! Jobs that end, fail, are called off, outlive their server, and are known to two of them.

use bytes::Bytes;

use super::*;

async fn ended(jobs: &Jobs, id: &str) -> Job {
    loop {
        match jobs.get(id).await {
            Some(job) if job.state.has_ended() => return job,
            _ => tokio::time::sleep(std::time::Duration::from_millis(2)).await,
        }
    }
}

fn part(text: &'static [u8]) -> Part {
    Part { name: "a".into(), media_type: "text/plain".into(), body: Content::Bytes(Bytes::from_static(text)) }
}

#[tokio::test]
async fn results_outlive_the_server_and_what_was_interrupted_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("jobs");
    let jobs = Arc::new(Jobs::of(place.clone()));
    let good = jobs
        .begin(Order { as_document: true, ..Order::of("zones") }, |_| async { Ok(vec![part(b"kept")]) })
        .unwrap()
        .id;
    let bad = jobs.begin(Order::of("zones"), |_| async {
        Err(Problem::new(crate::error::Kind::NoFee, "No fee.").with("reason", "gap"))
    });
    let bad = bad.unwrap().id;
    let gone = jobs.begin(Order::of("zones"), |_| async { Ok(vec![part(b"gone")]) }).unwrap().id;
    for id in [&good, &bad, &gone] {
        ended(&jobs, id).await;
    }
    let long = jobs.begin(Order::of("tariff"), |_| std::future::pending()).unwrap().id;
    let is_written = |id: &str, state: &str| {
        let text = std::fs::read_to_string(place.join(id).join("job.json")).unwrap_or_default();
        text.contains(&format!("\"state\":\"{state}\""))
    };
    while !(is_written(&good, "successful") && is_written(&bad, "failed") && is_written(&long, "running")) {
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    jobs.dismiss(&gone).await;
    // What is not ours is left alone.
    std::fs::create_dir_all(place.join("notes")).unwrap();
    end(jobs, &long).await;

    let next = Jobs::of(place.clone());
    let job = next.get(&good).await.unwrap();
    assert!(job.as_document && job.percent == 100 && job.process == "zones");
    let State::Successful(parts) = job.state else { panic!("{:?}", job.state) };
    assert!(matches!(&parts[0].body, Content::Bytes(bytes) if bytes == "kept"));
    let State::Failed(problem) = next.get(&bad).await.unwrap().state else { panic!("it failed") };
    assert_eq!((problem.kind(), problem.detail()), (crate::error::Kind::NoFee, "No fee."));
    assert_eq!(problem.member("reason").unwrap(), "gap");
    let State::Failed(problem) = next.get(&long).await.unwrap().state else { panic!("it was interrupted") };
    assert_eq!(problem.member("reason").unwrap(), "interrupted");
    assert!(next.get(&gone).await.is_none() && next.list().await.len() == 3 && place.join("notes").is_dir());
    assert!(is_written(&long, "failed"));
    next.dismiss(&good).await;
    assert!(!place.join(&good).exists());
}

#[tokio::test]
async fn a_job_runs_fails_or_is_called_off() {
    let jobs = Arc::new(Jobs::default());
    let good = jobs.begin(Order::of("zones"), |progress| async move {
        progress.reach(1, 3);
        Ok(vec![part(b"x")])
    });
    let job = ended(&jobs, &good.unwrap().id).await;
    assert!(matches!(&job.state, State::Successful(parts) if parts.len() == 1) && job.percent == 100);
    let bad = jobs.begin(Order::of("zones"), |_| async { panic!("a fault") }).unwrap();
    assert!(matches!(ended(&jobs, &bad.id).await.state, State::Failed(_)), "a panic is the end of its job only");
    let (tell, heard) = tokio::sync::oneshot::channel::<()>();
    let long = jobs.begin(Order::of("zones"), |_| async move {
        let _tell = tell;
        std::future::pending().await
    });
    let long = long.unwrap();
    while jobs.get(&long.id).await.unwrap().state.name() != "running" {
        tokio::task::yield_now().await;
    }
    assert_eq!(jobs.dismiss(&long.id).await.unwrap().state.name(), "dismissed");
    assert!(jobs.get(&long.id).await.is_none());
    assert!(heard.await.is_err(), "its work was dropped");
}

#[tokio::test]
async fn there_is_room_for_so_many_only() {
    let jobs = Arc::new(Jobs::default());
    let begin = || jobs.begin(Order::of("zones"), |_| std::future::pending());
    for _ in 0..MAX_JOBS {
        assert!(begin().is_some());
    }
    assert!(begin().is_none(), "none of them has ended");
    let first = jobs.list().await.pop().unwrap();
    jobs.dismiss(&first.id).await;
    assert!(begin().is_some());
}

/// A server ends in the middle of a job, and with its task its locks.
async fn end(jobs: Arc<Jobs>, id: &str) {
    jobs.lock().get_mut(id).unwrap().abort.take().unwrap().abort();
    while Arc::strong_count(&jobs) > 1 {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
}

/// A request that can be asked again.
fn request() -> Request {
    Request { inputs: serde_json::Map::new(), wanted: vec!["a".to_owned()] }
}

#[tokio::test]
async fn what_can_be_asked_again_goes_on_at_the_next_server_and_at_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("jobs");
    let first = Arc::new(Jobs::of(place.clone()));
    let order = Order { request: Some(request()), ..Order::of("zones") };
    let id = first.begin(order, |_| std::future::pending()).unwrap().id;
    while first.get(&id).await.unwrap().state.name() != "running" || !place.join(&id).join("lock").exists() {
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    // Another server over the same folder knows it and leaves it alone.
    let beside = Jobs::of(place.clone());
    assert!(beside.interrupted().is_empty());
    assert_eq!(beside.get(&id).await.unwrap().process, "zones");
    assert_eq!(beside.list().await.len(), 1);
    end(first, &id).await;
    let next = Arc::new(Jobs::of(place));
    let waiting = next.interrupted();
    assert_eq!(waiting.iter().map(|job| (&*job.id, job.request.is_some())).collect::<Vec<_>>(), [(&*id, true)]);
    next.go_on(&id, |_| async { Ok(vec![part(b"at last")]) });
    assert!(next.interrupted().is_empty());
    assert_eq!(next.ended(&id).await.unwrap().state.name(), "successful");
    let is_there = |job: Option<Job>| matches!(job.unwrap().state, State::Successful(_));
    while !is_there(beside.get(&id).await) {
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    // Called off by whoever knows it.
    assert_eq!(beside.dismiss(&id).await.unwrap().state.name(), "dismissed");
    assert!(beside.get(&id).await.is_none());
}

#[tokio::test]
async fn an_outcome_that_nobody_has_taken_is_told_by_the_next_server() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("jobs");
    let reply = Reply {
        base: "http://localhost".to_owned(),
        success: "http://localhost/in".to_owned(),
        failure: None,
        progress: None,
        is_correlated: true,
        standing: Standing::Waiting,
    };
    let jobs = Arc::new(Jobs::of(place.clone()));
    let begin = || {
        let order = Order { reply: Some(reply.clone()), ..Order::of("zones") };
        jobs.begin(order, |_| async { Ok(vec![part(b"x")]) }).unwrap().id
    };
    let (told, untold) = (begin(), begin());
    for id in [&told, &untold] {
        jobs.ended(id).await.unwrap();
    }
    let is_written = |id: &str| {
        std::fs::read_to_string(place.join(id).join("job.json")).is_ok_and(|text| text.contains("\"successful\""))
    };
    while !(is_written(&told) && is_written(&untold)) {
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    jobs.replied(&told, Standing::Sent).await;
    drop(jobs);
    assert_eq!(Jobs::of(place).untold(), [untold]);
}
