//! The place of a text in the space of a model of embeddings.

/// A vector of length 1, so that a product of two is their cosine.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Vector(Box<[f32]>);

impl Vector {
    /// Brings a vector to length 1; none where it has no direction.
    pub(crate) fn normalised(mut raw: Vec<f32>) -> Option<Self> {
        let length = raw.iter().map(|one| one * one).sum::<f32>().sqrt();
        if !length.is_normal() {
            return None;
        }
        raw.iter_mut().for_each(|one| *one /= length);
        Some(Self(raw.into()))
    }

    /// How near another is: 1 for the same direction, 0 for none in common. None where they cannot
    /// be compared, being of different dimensions.
    pub(crate) fn score(&self, other: &Self) -> Option<f32> {
        let alike = self.0.len() == other.0.len();
        alike.then(|| self.0.iter().zip(&other.0).map(|(one, other)| one * other).sum())
    }

    /// Its numbers.
    pub(crate) fn into_numbers(self) -> Vec<f32> {
        self.0.into_vec()
    }

    /// The bytes it takes.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Self>() + size_of_val(&*self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_cosines() {
        let vector = |raw: &[f32]| Vector::normalised(raw.to_vec()).unwrap();
        for (one, other, cosine) in [
            (&[3.0, 4.0][..], &[30.0, 40.0][..], 1.0),
            (&[1.0, 0.0], &[0.0, 7.0], 0.0),
            (&[1.0, 0.0], &[-2.0, 0.0], -1.0),
            (&[1.0, 0.0], &[1.0, 1.0], 0.707_106_77),
        ] {
            let score = vector(one).score(&vector(other)).unwrap();
            assert!((score - cosine).abs() < 1e-6, "{one:?} {other:?}: {score}");
        }
        assert_eq!(vector(&[1.0]).score(&vector(&[1.0, 0.0])), None);
    }

    #[test]
    fn what_has_no_direction_is_no_vector() {
        for raw in [vec![], vec![0.0, 0.0], vec![f32::MAX, f32::MAX], vec![f32::NAN]] {
            assert_eq!(Vector::normalised(raw), None);
        }
    }
}
