//! Vectors of texts that a run has asked for already.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tieline_gate::attest::Digest;
use tokio::sync::OnceCell;

use crate::{Embedded, Trouble};

/// The most vectors that are kept. A reference is needed by both arms within moments, so that all
/// may be forgotten where there are more.
const VECTORS_MAX: usize = 4_096;

/// Vectors by the digest of deployment and text. A text is asked for once, also where many want it
/// at the same time.
#[derive(Debug, Default)]
pub(super) struct Vectors(Mutex<HashMap<Digest, Arc<OnceCell<Vec<f32>>>>>);

impl Vectors {
    /// The vector of a text, asked for where nobody has. Only who asks pays; what fails is not
    /// kept.
    pub(super) async fn get<F>(
        &self,
        deployment: &str,
        text: &str,
        ask: impl FnOnce() -> F,
    ) -> Result<Embedded, Trouble>
    where
        F: Future<Output = Result<Embedded, Trouble>>,
    {
        let cell = self.cell(Digest::of(format!("{deployment}\n{text}").as_bytes()));
        let mut paid = None;
        let asked = cell.get_or_try_init(|| async {
            let Embedded { vector, cost_usd } = ask().await?;
            paid = cost_usd;
            Ok(vector)
        });
        let vector = asked.await?.clone();
        Ok(Embedded { vector, cost_usd: paid })
    }

    fn cell(&self, key: Digest) -> Arc<OnceCell<Vec<f32>>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= VECTORS_MAX && !kept.contains_key(&key) {
            kept.clear();
        }
        Arc::clone(kept.entry(key).or_default())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_text_is_asked_for_and_paid_once() {
        let (vectors, asked) = (Vectors::default(), AtomicU32::new(0));
        let of = |text: &'static str| {
            vectors.get("e@p", text, || async {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
                match asked.fetch_add(1, Ordering::Relaxed) {
                    0 => Err(Trouble { message: "once".to_owned(), ..Trouble::default() }),
                    _ => Ok(Embedded { vector: vec![1.0], cost_usd: Some(0.5) }),
                }
            })
        };
        assert_eq!(of("a").await.unwrap_err().message, "once", "a failure is not kept");
        let both = tokio::join!(of("a"), of("a"));
        let mut costs = [both.0.unwrap().cost_usd, both.1.unwrap().cost_usd];
        costs.sort_by(|one, other| one.partial_cmp(other).unwrap());
        assert_eq!(costs, [None, Some(0.5)]);
        assert_eq!((of("a").await.unwrap().cost_usd, asked.load(Ordering::Relaxed)), (None, 2));
        assert_eq!(of("b").await.unwrap().cost_usd, Some(0.5));
    }

    #[test]
    fn so_many_are_kept_at_most() {
        let vectors = Vectors::default();
        for at in 0..=VECTORS_MAX {
            vectors.cell(Digest::of(at.to_string().as_bytes()));
        }
        assert_eq!(vectors.0.lock().unwrap().len(), 1);
    }
}
