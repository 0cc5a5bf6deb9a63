//! Streams.
use crate::{ReadEvents, Style, WriteEvents, ir::Event};
#[derive(Default)]
pub(super) struct Reader;
impl ReadEvents for Reader {
    fn read(&mut self, _frame: &[u8], _out: &mut Vec<Event>) {}
    fn end(&mut self, _out: &mut Vec<Event>) {}
}
pub(super) struct Writer;
impl Writer {
    pub(super) fn new(_style: &Style) -> Self {
        Self
    }
}
impl WriteEvents for Writer {
    fn write(&mut self, _event: &Event, _out: &mut Vec<u8>) {}
    fn heartbeat(&self, _out: &mut Vec<u8>) {}
}
