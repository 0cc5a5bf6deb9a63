//! Which deployments a request may go to, and the right to send it to one of them.

/// The deployments, by position in the plan, that a request may go to. What was not put in is out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Eligible(Box<[u64]>);

impl Eligible {
    /// The right to send the request to a deployment, at this attempt or any other; none where it
    /// may not go there.
    #[must_use]
    pub fn allowed(&self, deployment: usize) -> Option<Pass> {
        let word = self.0.get(deployment / BITS)?;
        let allowed = (word >> (deployment % BITS)) & 1 == 1;
        allowed.then_some(Pass(deployment))
    }
}

/// Bits of a word.
const BITS: usize = 64;

impl FromIterator<usize> for Eligible {
    fn from_iter<I: IntoIterator<Item = usize>>(deployments: I) -> Self {
        let mut words: Vec<u64> = Vec::new();
        for deployment in deployments {
            let at = deployment / BITS;
            if words.len() <= at {
                words.resize(at + 1, 0);
            }
            if let Some(word) = words.get_mut(at) {
                *word |= 1 << (deployment % BITS);
            }
        }
        Self(words.into())
    }
}

/// The right to send something to one deployment. Nothing is sent without one, and for what users
/// say there is no other way to it than [`Eligible::allowed`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pass(usize);

impl Pass {
    /// The right to send what is Tieline's own, and nothing of anybody else: a probe.
    #[must_use]
    pub const fn without_user_data(deployment: usize) -> Self {
        Self(deployment)
    }

    /// The position of the deployment.
    #[must_use]
    pub const fn deployment(self) -> usize {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_put_in_is_allowed() {
        let eligible: Eligible = [0, 63, 64, 200].into_iter().collect();
        let allowed: Vec<usize> =
            (0..400).filter_map(|at| eligible.allowed(at)).map(Pass::deployment).collect();
        assert_eq!(allowed, [0, 63, 64, 200]);
        assert_eq!(Eligible::default().allowed(0), None);
    }
}
