//! Every request fixture, written for every other dialect.

use tieline_dialect::{Losses, dialect};

use crate::common::{fixtures, target, told, with_losses};

#[test]
fn requests_are_translated_as_reviewed() {
    for fixture in fixtures("requests") {
        let ask = fixture.ask();
        for id in fixture.targets() {
            let mut losses = Losses::default();
            let written = ask
                .as_ref()
                .map_err(Clone::clone)
                .and_then(|ask| dialect(id).write_request(ask, &target(id), &mut losses));
            let text = match written {
                Ok(body) => with_losses(&losses, &body),
                Err(fault) => told(&fault),
            };
            fixture.assert_snapshot("requests", id, &text);
        }
    }
}
