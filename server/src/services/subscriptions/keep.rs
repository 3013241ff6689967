//! The deliveries of this server.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bricola_layers::store::StoredSubscription;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tracing::{debug, warn};

use super::delivery::{Courier, Ended, Office};
use super::document::{Delivery, Document, Signature};
use super::sign::{ModiKey, Signer};

/// How often subscriptions are looked for that others have made, or let go.
const LOOK: Duration = Duration::from_secs(2);

/// What routes tell those who deliver.
#[derive(Debug, Default)]
pub struct Deliveries(Notify);

impl Deliveries {
    /// A subscription was written: it is looked at at once.
    pub fn look(&self) {
        self.0.notify_one();
    }
}

/// A delivery of this server.
struct Running {
    /// What it delivers; another is begun when that is another.
    document: String,
    stop: watch::Sender<bool>,
    task: JoinHandle<Ended>,
}

/// Delivers all webhooks that no other server delivers, until it is told to end.
pub async fn keep(
    office: Arc<Office>,
    modi: Option<Arc<ModiKey>>,
    deliveries: Arc<Deliveries>,
    mut closing: watch::Receiver<bool>,
) {
    let mut running: BTreeMap<String, Running> = BTreeMap::new();
    loop {
        match office.kept.all().await {
            Ok(stored) => look(&office, modi.as_ref(), &stored, &mut running).await,
            Err(error) => debug!(%error, "subscriptions"),
        }
        tokio::select! {
            _ = closing.changed() => break,
            () = deliveries.0.notified() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
    for delivery in running.values() {
        delivery.stop.send_replace(true);
    }
    for delivery in running.into_values() {
        let _ = tokio::time::timeout(LOOK, delivery.task).await;
    }
}

async fn look(
    office: &Arc<Office>,
    modi: Option<&Arc<ModiKey>>,
    stored: &[StoredSubscription],
    running: &mut BTreeMap<String, Running>,
) {
    let others: Vec<String> = running
        .iter()
        .filter(|(id, delivery)| {
            let same = stored.iter().any(|it| it.id == **id && it.document == delivery.document);
            !same || delivery.task.is_finished()
        })
        .map(|(id, _)| id.clone())
        .collect();
    for id in others {
        let Some(delivery) = running.remove(&id) else { continue };
        delivery.stop.send_replace(true);
        match delivery.task.await {
            Ok(Ended::Store(error)) => debug!(subscription = id, %error, "the delivery is begun anew"),
            Ok(_) => {}
            Err(error) => warn!(subscription = id, %error, "the delivery failed and is begun anew"),
        }
    }
    for one in stored.iter().filter(|one| !running.contains_key(&one.id)).collect::<Vec<_>>() {
        let Ok(document) = serde_json::from_str::<Document>(&one.document) else { continue };
        let Delivery::Webhook { signature, .. } = &document.delivery else { continue };
        let signer = match (signature, modi) {
            (Signature::Standard, _) => Some(Signer::standard(one.secret.as_deref().unwrap_or_default())),
            (Signature::Modi, Some(key)) => Some(Signer::Modi(Arc::clone(key))),
            (Signature::Modi, None) => None,
        };
        let is_gone = serde_json::from_str::<super::State>(&one.progress.state).is_ok_and(|state| state.gone);
        let Some(signer) = signer.filter(|_| !document.paused && !is_gone) else { continue };
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(Courier::run(Arc::clone(office), (one.id.clone(), document, signer), stopped));
        running.insert(one.id.clone(), Running { document: one.document.clone(), stop, task });
    }
}
