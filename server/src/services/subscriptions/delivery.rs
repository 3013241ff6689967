//! A subscription's requests, one after the other, as long as this server holds it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bricola_layers::cache::Territory;
use bricola_layers::definition::Scope;
use bricola_layers::feature::FeatureId;
use bricola_layers::store::{Letter, StoreError, Subscriptions};
use chrono::{TimeDelta, Utc};
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::{info, warn};

use super::document::{Delivery, Document};
use super::event::{Event, MEDIA_TYPE, batch};
use super::place::{Failing, Place, State};
use super::post::{Outcome, Poster};
use super::reader::Reader;
use super::sign::{Request, Signer};
use crate::archive::Archive;

/// Events that are read at a time.
const PAGE: usize = 500;
/// How often a claim is renewed; it lasts some times as long.
const RENEW: Duration = Duration::from_secs(3);
/// How long a claim is good for without a word from the store, with something to spare.
const TRUSTED: Duration = Duration::from_secs(8);
/// How often what was taken is noted while more is to come: so much is sent again after a crash.
const NOTE: Duration = Duration::from_millis(200);
/// The first and the longest pause before something is tried again.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(300));
/// How often an event is sent that is refused.
const TRIES: u32 = 3;
/// Pause between them.
const TRY_PAUSE: Duration = Duration::from_millis(500);
/// Letters that are read at a time.
const LETTERS: usize = 1_000;

/// What all deliveries share.
pub struct Office {
    /// Where subscriptions are kept.
    pub kept: Arc<dyn Subscriptions>,
    /// Where the log is.
    pub archive: Arc<dyn Archive>,
    /// What tells of changes, and what copies are made of.
    pub territory: Territory,
    /// What may be told.
    pub scope: Scope,
    /// The address of the server, or nothing.
    pub base: String,
    /// Sends.
    pub poster: Poster,
    /// A name that no other server has.
    pub holder: String,
}

/// Why a delivery has ended.
#[derive(Debug)]
pub enum Ended {
    /// It was asked to.
    Stopped,
    /// Somebody else has it, or it is no more.
    Elsewhere,
    /// The subscriber is no more.
    Gone,
    /// The store failed.
    Store(StoreError),
}

impl From<StoreError> for Ended {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// A feature, or a layer as a whole.
type Concern = (String, Option<FeatureId>);

/// One subscription's delivery.
pub struct Courier {
    office: Arc<Office>,
    id: String,
    document: Document,
    signer: Signer,
    stop: watch::Receiver<bool>,
    place: Place,
    state: State,
    /// Features of which something was refused: what comes of them waits behind it.
    held: BTreeSet<Concern>,
    noted: Instant,
    /// When letters were last looked at.
    looked: Instant,
}

impl Courier {
    /// Delivers until something ends it.
    pub async fn run(
        office: Arc<Office>,
        (id, document, signer): (String, Document, Signer),
        stop: watch::Receiver<bool>,
    ) -> Ended {
        let progress = match office.kept.claim(&id, &office.holder).await {
            Ok(Some(progress)) => progress,
            Ok(None) => return Ended::Elsewhere,
            Err(error) => return error.into(),
        };
        let (place, state) = State::read(&progress);
        let (noted, looked, held) = (Instant::now(), Instant::now(), BTreeSet::new());
        let mut courier = Self { office, id, document, signer, stop, place, state, held, noted, looked };
        let ended = courier.work().await.expect_err("work goes on until something ends it");
        if !matches!(ended, Ended::Elsewhere) {
            let _ = courier.office.kept.release(&courier.id, &courier.office.holder).await;
        }
        ended
    }

    async fn work(&mut self) -> Result<std::convert::Infallible, Ended> {
        if self.state.gone {
            return Err(Ended::Gone);
        }
        self.again().await?;
        let office = Arc::clone(&self.office);
        let (shown, document) = ((office.scope, office.base.clone()), self.document.clone());
        let mut reader = Reader::new(Arc::clone(&office.archive), office.territory.clone(), shown, &self.id, document);
        loop {
            self.check_stop()?;
            if !self.held.is_empty() && self.looked.elapsed() > RENEW {
                self.again().await?;
            }
            match reader.next(&self.place, PAGE).await {
                Err(stuck) => {
                    self.hinder(stuck.to_string(), None).await?;
                }
                Ok((events, end)) if events.is_empty() && end == self.place => self.idle().await?,
                Ok((events, end)) => {
                    let is_over = events.is_empty();
                    self.hand_over(events).await?;
                    self.place = end;
                    // What concerns nobody is noted now and then.
                    if !is_over || self.noted.elapsed() > RENEW {
                        self.note(Vec::new(), !is_over).await?;
                    }
                }
            }
        }
    }

    fn check_stop(&self) -> Result<(), Ended> {
        if *self.stop.borrow() { Err(Ended::Stopped) } else { Ok(()) }
    }

    /// Looks at what lies aside: of each feature the oldest is sent that somebody wants sent again, or that only waited, and
    /// what waits behind it. What is left holds its feature.
    async fn again(&mut self) -> Result<(), Ended> {
        let (mut held, mut after) = (BTreeSet::new(), 0);
        loop {
            let letters = self.office.kept.letters(&self.id, after, LETTERS).await?;
            let Some(last) = letters.last() else { break };
            after = last.number;
            for letter in letters {
                let concern = (letter.layer.clone(), letter.feature);
                let is_due = letter.again || letter.attempts == 0;
                if held.contains(&concern) || !is_due || !self.send_letter(&letter).await? {
                    held.insert(concern);
                }
            }
        }
        (self.held, self.looked) = (held, Instant::now());
        Ok(())
    }

    /// Sends a letter; whether it was taken.
    async fn send_letter(&mut self, letter: &Letter) -> Result<bool, Ended> {
        let event = Event {
            seq: letter.seq,
            layer: letter.layer.clone(),
            feature: letter.feature,
            id: format!("letter-{}", letter.number),
            text: letter.event.clone().into_bytes(),
            behind: self.place.clone(),
        };
        let is_taken = self.send(std::slice::from_ref(&event)).await?.is_empty();
        if is_taken {
            self.office.kept.remove_letters(&self.id, &[letter.number]).await?;
            self.state.delivered += 1;
            self.state.failing = None;
        } else {
            self.office.kept.mark_letters(&self.id, &[letter.number], false).await?;
        }
        self.note(Vec::new(), true).await?;
        Ok(is_taken)
    }

    /// Waits for a change, and keeps the claim.
    async fn idle(&mut self) -> Result<(), Ended> {
        let territory = self.office.territory.clone();
        let news = territory.reached(self.place.seq + 1);
        tokio::select! {
            () = news => {}
            _ = self.stop.changed() => {}
            () = tokio::time::sleep(RENEW) => {}
        }
        if self.noted.elapsed() >= RENEW {
            self.note(Vec::new(), false).await?;
        }
        Ok(())
    }

    /// Notes where the subscription stands.
    async fn note(&mut self, letters: Vec<Letter>, heard: bool) -> Result<(), Ended> {
        let progress = self.state.progress(&self.place);
        let (id, holder) = (&self.id, &self.office.holder);
        if !self.office.kept.advance(id, holder, progress, letters, heard).await? {
            return Err(Ended::Elsewhere);
        }
        self.noted = Instant::now();
        Ok(())
    }

    /// Hands events over in their order.
    async fn hand_over(&mut self, events: Vec<Event>) -> Result<(), Ended> {
        let Delivery::Webhook { events_per_request, .. } = self.document.delivery else { return Ok(()) };
        for events in events.chunks(events_per_request as usize) {
            let (held, free): (Vec<Event>, Vec<Event>) =
                events.iter().cloned().partition(|event| self.held.contains(&(event.layer.clone(), event.feature)));
            let mut letters: Vec<Letter> = held
                .iter()
                .map(|event| letter(event, "behind an event of the same feature that was refused", 0))
                .collect();
            if !free.is_empty() {
                letters.extend(self.send(&free).await?);
                let refused = letters.len() - held.len();
                self.state.delivered += (free.len() - refused) as u64;
                self.state.last = Some(Utc::now());
                self.state.failing = None;
            }
            if let Some(last) = events.last() {
                self.place = last.behind.clone();
            }
            if !letters.is_empty() || self.noted.elapsed() > NOTE {
                self.note(letters, true).await?;
            }
        }
        Ok(())
    }

    /// Sends events until the subscriber has taken or refused each; the refused ones.
    async fn send(&mut self, events: &[Event]) -> Result<Vec<Letter>, Ended> {
        let mut refusals = 0;
        loop {
            self.check_stop()?;
            match self.post(events).await? {
                Outcome::Taken => return Ok(Vec::new()),
                Outcome::Gone => {
                    self.state.gone = true;
                    self.note(Vec::new(), true).await?;
                    info!(
                        subscription = self.id,
                        "the subscriber says that it is gone (410); nothing more is sent to it"
                    );
                    return Err(Ended::Gone);
                }
                Outcome::Later(reason, pause) => self.hinder(reason, pause).await?,
                // One of them is the one: each is sent alone then.
                Outcome::Refused(_) if events.len() > 1 => {
                    let mut letters: Vec<Letter> = Vec::new();
                    for event in events {
                        if self.held.contains(&(event.layer.clone(), event.feature)) {
                            letters.push(letter(event, "behind an event of the same feature that was refused", 0));
                            continue;
                        }
                        letters.extend(Box::pin(self.send(std::slice::from_ref(event))).await?);
                    }
                    return Ok(letters);
                }
                Outcome::Refused(reason) => {
                    refusals += 1;
                    if refusals < TRIES {
                        tokio::time::sleep(TRY_PAUSE).await;
                        continue;
                    }
                    let event = &events[0];
                    warn!(subscription = self.id, event = event.id, reason, "an event is refused and laid aside");
                    self.held.insert((event.layer.clone(), event.feature));
                    return Ok(vec![letter(event, &reason, TRIES)]);
                }
            }
        }
    }

    /// One request. The claim is renewed while it lasts: nobody else sends meanwhile.
    async fn post(&mut self, events: &[Event]) -> Result<Outcome, Ended> {
        let Delivery::Webhook { url, events_per_request, timeout_s, .. } = self.document.delivery.clone() else {
            return Err(Ended::Stopped);
        };
        let (body, media_type) = match (events, events_per_request) {
            ([only], 1) => (only.text.clone(), MEDIA_TYPE[0]),
            _ => (batch(events), MEDIA_TYPE[1]),
        };
        let id = match events {
            [only] => only.id.clone(),
            _ => format!("{}..{}", events[0].id, events[events.len() - 1].id),
        };
        let request = Request { id: &id, url: &url, media_type, body: &body };
        let Some(headers) = self.signer.headers(request, Utc::now()) else {
            return Ok(Outcome::Later("the request cannot be signed".to_owned(), None));
        };
        let office = Arc::clone(&self.office);
        let timeout = Duration::from_secs(timeout_s.into());
        let post = office.poster.post(&url, media_type, headers, body, timeout);
        tokio::pin!(post);
        loop {
            tokio::select! {
                outcome = &mut post => return Ok(outcome),
                () = tokio::time::sleep(RENEW) => match self.note(Vec::new(), false).await {
                    // The claim is still good for a while.
                    Err(Ended::Store(_)) if self.noted.elapsed() < TRUSTED => {}
                    noted => noted?,
                },
            }
        }
    }

    /// Notes what hinders, and waits.
    async fn hinder(&mut self, reason: String, pause: Option<Duration>) -> Result<(), Ended> {
        let now = Utc::now();
        let (since, attempts) = match &self.state.failing {
            Some(failing) => (failing.since, failing.attempts.saturating_add(1)),
            None => (now, 1),
        };
        if attempts == 1 {
            warn!(subscription = self.id, reason, "the subscriber is not reached; trying again");
        }
        let doubled = PAUSES.0.saturating_mul(1 << attempts.saturating_sub(1).min(16)).min(PAUSES.1);
        // Not all at the same time after something that hindered many.
        let jitter = doubled.mul_f64(f64::from(now.timestamp_subsec_micros() % 1_000) / 4_000.0);
        let pause = pause.unwrap_or(Duration::ZERO).max(doubled + jitter);
        let next = now + TimeDelta::from_std(pause).unwrap_or_default();
        self.state.failing = Some(Failing { since, attempts, next, reason });
        self.note(Vec::new(), false).await?;
        let until = Instant::now() + pause;
        while Instant::now() < until {
            self.check_stop()?;
            tokio::select! {
                () = tokio::time::sleep_until(until.min(Instant::now() + RENEW)) => {}
                _ = self.stop.changed() => {}
            }
            self.note(Vec::new(), false).await?;
        }
        Ok(())
    }
}

/// An event that is laid aside.
fn letter(event: &Event, reason: &str, attempts: u32) -> Letter {
    Letter {
        number: 0,
        seq: event.seq,
        layer: event.layer.clone(),
        feature: event.feature,
        event: String::from_utf8_lossy(&event.text).into_owned(),
        reason: reason.to_owned(),
        attempts,
        again: false,
        at: Utc::now(),
    }
}
