//! Every reply fixture, written for every other dialect.

use tieline_dialect::{Losses, dialect};

use crate::common::{fixtures, style, told, with_losses};

#[test]
fn replies_are_translated_as_reviewed() {
    for fixture in fixtures("responses") {
        let reply = fixture.dialect().read_response(&fixture.bytes);
        for id in fixture.targets() {
            let text = match &reply {
                Ok(reply) => {
                    let mut losses = Losses::default();
                    let body = dialect(id).write_response(reply, &style(), &mut losses);
                    with_losses(&losses, &body)
                }
                Err(fault) => told(fault),
            };
            fixture.assert_snapshot("responses", id, &text);
        }
    }
}
