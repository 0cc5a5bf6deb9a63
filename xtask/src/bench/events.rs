//! Content events of a stream, counted as they come.

use super::{http::find, plan::Client};

/// Counts the content events of one stream.
pub(super) struct Events {
    client: Client,
    /// The beginning of an event whose end has not come.
    partial: Vec<u8>,
}

impl Events {
    pub(super) fn new(client: Client) -> Self {
        Self { client, partial: Vec::new() }
    }

    /// Takes more bytes and says how many content events they complete.
    pub(super) fn take(&mut self, bytes: &[u8]) -> u64 {
        self.partial.extend_from_slice(bytes);
        let mut count = 0;
        while let Some(end) = find(&self.partial, b"\n\n") {
            let event: Vec<u8> = self.partial.drain(..end + 2).collect();
            count += u64::from(self.is_content(&event));
        }
        count
    }

    fn is_content(&self, event: &[u8]) -> bool {
        match self.client {
            // The first chunk of a stream may hold the role with an empty content.
            Client::Chat => find(event, br#""content":""#)
                .and_then(|at| event.get(at + br#""content":""#.len()))
                .is_some_and(|next| *next != b'"'),
            Client::Messages => find(event, b"content_block_delta").is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHAT: &str = concat!(
        "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n",
        "data: {\"choices\":[{\"delta\":{\"content\":\"one\"}}]}\n\n",
        "data: {\"choices\":[{\"delta\":{\"content\":\" two\"}}]}\n\n",
        "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
        "data: [DONE]\n\n",
    );
    const MESSAGES: &str = concat!(
        "event: message_start\ndata: {\"type\":\"message_start\"}\n\n",
        "event: ping\ndata: {\"type\":\"ping\"}\n\n",
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\"}\n\n",
        "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
    );

    #[test]
    fn only_content_counts_however_the_stream_is_cut() {
        for (client, stream, wanted) in [(Client::Chat, CHAT, 2), (Client::Messages, MESSAGES, 1)] {
            for size in [1, 7, stream.len()] {
                let mut events = Events::new(client);
                let pieces = stream.as_bytes().chunks(size);
                assert_eq!(pieces.map(|piece| events.take(piece)).sum::<u64>(), wanted, "{size}");
            }
        }
    }
}
