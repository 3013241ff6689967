//! Subscriptions of other programs, and what they have refused.

use chrono::{DateTime, Utc};
use futures::future::BoxFuture;

use super::StoreError;
use crate::feature::FeatureId;
use crate::log::Seq;

/// An answer of the store, to come.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// What a store keeps for programs that subscribe to its changes. The log, and the past that its changes are told with, are
/// kept from where each subscription stands.
pub trait Subscriptions: Send + Sync + 'static {
    /// All of them, in order of id.
    fn all(&self) -> Answer<'_, Vec<StoredSubscription>>;

    /// Writes one or takes it away, if what is there is what was seen; false where it is not.
    ///
    /// [`StoreError::Pruned`] where the log does not reach back to where it is to begin.
    fn write(&self, edit: SubscriptionEdit) -> Answer<'_, bool>;

    /// Claims one for [`LEASE_SECONDS`], anew for who has it already; how far it has come. `None` where somebody else has it,
    /// or it is gone.
    fn claim<'a>(&'a self, id: &'a str, holder: &'a str) -> Answer<'a, Option<Progress>>;

    /// Notes how far one has come, and what was refused, in one transaction; the claim begins anew. `heard` says that the
    /// subscriber has answered. False, and nothing is noted, where the claim has ended.
    fn advance<'a>(
        &'a self,
        id: &'a str,
        holder: &'a str,
        progress: Progress,
        letters: Vec<Letter>,
        heard: bool,
    ) -> Answer<'a, bool>;

    /// Ends a claim.
    fn release<'a>(&'a self, id: &'a str, holder: &'a str) -> Answer<'a, ()>;

    /// Notes that a subscriber who fetches has handled everything up to a change, and, where that is so, that no copy is under
    /// way any more; false where there is none of the name.
    fn handled<'a>(&'a self, id: &'a str, seq: Seq, is_copied: bool) -> Answer<'a, bool>;

    /// At most `limit` letters behind a number, oldest first.
    fn letters<'a>(&'a self, id: &'a str, after: i64, limit: usize) -> Answer<'a, Vec<Letter>>;

    /// Has letters sent again, or notes that they were and were refused once more; how many there were.
    fn mark_letters<'a>(&'a self, id: &'a str, numbers: &'a [i64], again: bool) -> Answer<'a, u64>;

    /// Takes letters away by their numbers; how many there were.
    fn remove_letters<'a>(&'a self, id: &'a str, numbers: &'a [i64]) -> Answer<'a, u64>;
}

/// For how long whoever delivers a subscription has it for itself, in seconds; each step forward begins it anew.
pub const LEASE_SECONDS: u32 = 10;

/// How far a subscriber has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Everything up to this change has been handled.
    pub seq: Seq,
    /// What whoever delivers has to know besides, as JSON.
    pub state: String,
}

/// A subscription as it is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredSubscription {
    /// Its name, unique in the store.
    pub id: String,
    /// What is subscribed to, and where it is sent, as JSON.
    pub document: String,
    /// What deliveries are signed with.
    pub secret: Option<String>,
    /// How far it has come.
    pub progress: Progress,
    /// Since when there is one.
    pub created: DateTime<Utc>,
    /// When its subscriber was last heard of.
    pub seen: DateTime<Utc>,
    /// For how many days after that the log is kept for it; `None` is for ever.
    pub patience_days: Option<u32>,
}

impl std::fmt::Debug for StoredSubscription {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The secret goes into no log.
        write!(out, "StoredSubscription({} at {})", self.id, self.progress.seq)
    }
}

/// A subscription that is to be kept, in the place of one of the same name or as a new one.
#[derive(Clone)]
pub struct SubscriptionEdit {
    /// Its name.
    pub id: String,
    /// The document that the editor saw; `None` where there was none.
    pub seen: Option<String>,
    /// The document that is to be; `None` takes it away, with its letters.
    pub document: Option<String>,
    /// What deliveries are signed with; `None` leaves what is there.
    pub secret: Option<String>,
    /// Where it begins: always of a new one, and of another only where that is wanted.
    pub begin: Option<Progress>,
    /// For how many days after it was last heard of the log is kept for it.
    pub patience_days: Option<u32>,
}

/// An event that could not be delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// Given by the store, growing; 0 of one that is not in it yet.
    pub number: i64,
    /// The change that it tells of.
    pub seq: Seq,
    /// The layer.
    pub layer: String,
    /// The feature; `None` for the layer as a whole.
    pub feature: Option<FeatureId>,
    /// The event as JSON.
    pub event: String,
    /// Why it lies here.
    pub reason: String,
    /// How often it was sent; never, where it waits behind another of its feature.
    pub attempts: u32,
    /// Whether somebody wants it sent again.
    pub again: bool,
    /// Since when it lies here.
    pub at: DateTime<Utc>,
}
