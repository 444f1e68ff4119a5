//! Room for answers that are on their way. A client can ask for much with little, and take it slowly or not at all: what
//! waits for it is bounded over all connections, whatever version of HTTP they speak.

use std::sync::Arc;

use bytes::Bytes;
use hyper::{Method, StatusCode};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::problem::Problem;
use super::wire::{Answer, Room};

/// Answers below this many bytes are not counted: there is one for each connection, or a hundred of HTTP/2.
pub const SMALL: usize = 1 << 10;

/// The room.
pub struct Answers {
    all: Arc<Semaphore>,
    bytes: u64,
}

/// A body with its part of the room, which it leaves when nobody has it any more.
struct Held {
    bytes: Bytes,
    _room: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Answers {
    /// Room for so many bytes.
    pub fn new(bytes: u64) -> Answers {
        Answers { all: Room::all(bytes), bytes }
    }

    /// The answer to a request, if there is room for it. Otherwise what was asked for is refused; and what was done is
    /// answered without showing it, since a refusal would not be true. What a POST or a Bulk request is answered is about
    /// as large as the request was, which had its bound, and no client can do without it.
    pub fn admit(&self, method: &Method, path: &str, mut answer: Answer) -> Answer {
        let Some(body) = answer.body.take_if(|b| b.len() >= SMALL && method != Method::HEAD) else { return answer };
        // What is larger than all the room goes out when it is alone.
        let pieces = Room::pieces((body.len() as u64).min(self.bytes));
        if let Ok(room) = self.all.clone().try_acquire_many_owned(pieces) {
            answer.body = Some(Bytes::from_owner(Held { bytes: body, _room: room }));
            return answer;
        }
        match *method {
            Method::PUT | Method::PATCH if answer.status == StatusCode::OK => {
                Answer { status: StatusCode::NO_CONTENT, ..answer }
            }
            Method::POST if !path.trim_end_matches('/').ends_with("/.search") => Answer { body: Some(body), ..answer },
            _ if answer.status.is_success() => {
                Problem::busy("The server has as many answers on their way as it has room for. Try again.").answer()
            }
            _ => Answer { body: Some(body), ..answer },
        }
    }
}
