//! The Pareto front: of points with several objectives those that no other is better than; and its
//! hypervolume.
//!
//! A point dominates another if it is as good in every objective and better in one. The hypervolume is the
//! volume of what the front dominates up to a reference point that is worse than all of it (Zitzler and
//! Thiele 1999): the larger, the better and the wider the front. With two objectives it is a sum over the
//! sorted points; with more it is the exact recursion of While, Bradstreet and Barone ("A fast way of
//! calculating exact hypervolumes", IEEE TEC 2012): a point adds its own volume but for what the points after
//! it, pushed into that volume, dominate of it.

use crate::domain::score::Direction;

/// The points that no other dominates.
#[derive(Clone, Debug, PartialEq)]
pub struct ParetoFront {
    directions: Vec<Direction>,
    members: Vec<usize>,
    /// The members' points, turned so that less is better.
    points: Vec<Vec<f64>>,
}

impl ParetoFront {
    /// The front of points with one value per objective. A point whose values are not all numbers is no
    /// member.
    ///
    /// Of equal points all are members.
    pub fn from_points(points: &[Vec<f64>], directions: &[Direction]) -> Self {
        let whole =
            |point: &Vec<f64>| point.len() == directions.len() && point.iter().all(|value| value.is_finite());
        let known: Vec<(usize, Vec<f64>)> = points
            .iter()
            .enumerate()
            .filter(|(_, point)| whole(point))
            .map(|(index, point)| (index, minimized(point, directions)))
            .collect();
        let free = |own: &(usize, Vec<f64>)| !known.iter().any(|(_, other)| dominates(other, &own.1));
        let (members, points) = known.iter().filter(|own| free(own)).cloned().unzip();
        Self { directions: directions.to_vec(), members, points }
    }

    /// Which of the points given belong to the front, in their order.
    pub fn members(&self) -> &[usize] {
        &self.members
    }

    /// The volume that the front dominates up to `reference`; a member that is not better than it in every
    /// objective adds nothing.
    pub fn hypervolume(&self, reference: &[f64]) -> f64 {
        let reference = minimized(reference, &self.directions);
        let inside = |point: &&Vec<f64>| point.iter().zip(&reference).all(|(value, worst)| value < worst);
        let mut points: Vec<Vec<f64>> = self.points.iter().filter(inside).cloned().collect();
        // The same sum, whatever the order they came in.
        points.sort_by(|a, b| compared(a, b));
        volume(&points, &reference)
    }
}

fn minimized(point: &[f64], directions: &[Direction]) -> Vec<f64> {
    let turn = |(value, direction): (&f64, &Direction)| match direction {
        Direction::Lower => *value,
        Direction::Higher => -value,
    };
    point.iter().zip(directions).map(turn).collect()
}

fn dominates(own: &[f64], other: &[f64]) -> bool {
    let pairs = || own.iter().zip(other);
    pairs().all(|(a, b)| a <= b) && pairs().any(|(a, b)| a < b)
}

fn compared(a: &[f64], b: &[f64]) -> std::cmp::Ordering {
    let unequal = a.iter().zip(b).map(|(a, b)| a.total_cmp(b));
    unequal.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
}

/// The volume between these sorted points and the reference, less being better.
fn volume(points: &[Vec<f64>], reference: &[f64]) -> f64 {
    if reference.len() == 2 {
        return area(points, reference);
    }
    let own = |(place, point): (usize, &Vec<f64>)| {
        let whole: f64 = point.iter().zip(reference).map(|(value, worst)| worst - value).product();
        whole - volume(&pushed(&points[place + 1..], point), reference)
    };
    points.iter().enumerate().map(own).sum()
}

/// Strips from the best of the first objective on: each reaches from its second value to the best before it.
fn area(points: &[Vec<f64>], reference: &[f64]) -> f64 {
    let mut ceiling = reference[1];
    let mut area = 0.0;
    for point in points {
        if point[1] < ceiling {
            area += (reference[0] - point[0]) * (ceiling - point[1]);
            ceiling = point[1];
        }
    }
    area
}

/// What the points dominate of the volume of `corner`, as points of their own: those that count, each once,
/// sorted.
fn pushed(points: &[Vec<f64>], corner: &[f64]) -> Vec<Vec<f64>> {
    let push = |point: &Vec<f64>| point.iter().zip(corner).map(|(a, b)| a.max(*b)).collect::<Vec<f64>>();
    let mut moved: Vec<Vec<f64>> = points.iter().map(push).collect();
    moved.sort_by(|a, b| compared(a, b));
    moved.dedup();
    let free = |own: &&Vec<f64>| !moved.iter().any(|other| dominates(other, own));
    moved.iter().filter(free).cloned().collect()
}

#[cfg(test)]
mod tests {
    use crate::domain::front::ParetoFront;
    use crate::domain::score::Direction::{Higher, Lower};

    /// From -1 to 1, the same for the same number.
    fn noise(number: u64) -> f64 {
        let mixed = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }

    fn cloud(count: usize, width: usize) -> Vec<Vec<f64>> {
        let value = |index: usize| noise((index * 31 + width) as u64);
        (0..count).map(|row| (0..width).map(|column| value(row * width + column)).collect()).collect()
    }

    /// The volume of a union of boxes by inclusion and exclusion over all subsets; less is better.
    fn by_subsets(points: &[Vec<f64>], reference: &[f64]) -> f64 {
        let one = |subset: u32| {
            let chosen = || points.iter().enumerate().filter(|(i, _)| subset >> i & 1 == 1);
            let side = |(axis, worst): (usize, &f64)| {
                let best = chosen().map(|(_, point)| point[axis]).fold(f64::NEG_INFINITY, f64::max);
                (worst - best).max(0.0)
            };
            let sign = if subset.count_ones() % 2 == 1 { 1.0 } else { -1.0 };
            sign * reference.iter().enumerate().map(side).product::<f64>()
        };
        (1..1_u32 << points.len()).map(one).sum()
    }

    // pymoo 0.6.2:
    //   from pymoo.indicators.hv import HV
    //   HV(ref_point=np.array([6., 6, 6]))(np.array([(1,5,3), (2,2,4), (4,1,2), (5,4,1), (3,3,3)], float)) ->
    //   65.0 HV(ref_point=np.array([6.] * 4))(np.array([(1,5,3,2), (2,2,4,5), (4,1,2,3), (5,4,1,1),
    //   (3,3,3,3),
    //                                              (2,4,2,4)], float)) -> 223.0
    #[test]
    fn hypervolumes_as_pymoo_has_them() {
        let of = |points: &[&[f64]], worst: f64| {
            let points: Vec<Vec<f64>> = points.iter().map(|point| point.to_vec()).collect();
            let width = points[0].len();
            ParetoFront::from_points(&points, &vec![Lower; width]).hypervolume(&vec![worst; width])
        };
        assert_eq!(of(&[&[1.0, 3.0], &[2.0, 2.0], &[3.0, 1.0]], 4.0), 6.0);
        let three: &[&[f64]] =
            &[&[1.0, 5.0, 3.0], &[2.0, 2.0, 4.0], &[4.0, 1.0, 2.0], &[5.0, 4.0, 1.0], &[3.0, 3.0, 3.0]];
        assert_eq!(of(three, 6.0), 65.0);
        let four: &[&[f64]] = &[
            &[1.0, 5.0, 3.0, 2.0],
            &[2.0, 2.0, 4.0, 5.0],
            &[4.0, 1.0, 2.0, 3.0],
            &[5.0, 4.0, 1.0, 1.0],
            &[3.0, 3.0, 3.0, 3.0],
            &[2.0, 4.0, 2.0, 4.0],
        ];
        assert_eq!(of(four, 6.0), 223.0);
        assert_eq!(of(&[&[0.25]], 1.0), 0.75, "with one objective it is a length");
    }

    /// The closed forms of ZDT1 and ZDT2: 2/3 and 1/3 up to (1, 1).
    #[test]
    fn curves_have_their_closed_form() {
        let curve = |f: fn(f64) -> f64| -> Vec<Vec<f64>> {
            let point = |i: u32| f64::from(i) / 2_000.0;
            (0..=2_000).map(point).map(|x| vec![x, f(x)]).collect()
        };
        // Points are fewer than a curve: the steps between them are missing.
        let volume =
            |points: &[Vec<f64>]| ParetoFront::from_points(points, &[Lower, Lower]).hypervolume(&[1.0, 1.0]);
        assert!((volume(&curve(|x| 1.0 - x.sqrt())) - 2.0 / 3.0).abs() < 1e-3);
        assert!((volume(&curve(|x| 1.0 - x * x)) - 1.0 / 3.0).abs() < 1e-3);
    }

    #[test]
    fn the_same_as_by_inclusion_and_exclusion() {
        for width in 1..=5 {
            let points = cloud(9, width);
            let front = ParetoFront::from_points(&points, &vec![Lower; width]);
            let (result, expected) =
                (front.hypervolume(&vec![0.8; width]), by_subsets(&points, &vec![0.8; width]));
            assert!((result - expected).abs() < 1e-9, "{width}: {result}, not {expected}");
        }
    }

    #[test]
    fn laws() {
        for width in 2..=4 {
            let directions: Vec<_> = (0..width).map(|i| if i % 2 == 0 { Lower } else { Higher }).collect();
            let worst: Vec<f64> = (0..width).map(|i| if i % 2 == 0 { 2.0 } else { -2.0 }).collect();
            let points = cloud(12, width);
            let front = ParetoFront::from_points(&points, &directions);
            let volume = front.hypervolume(&worst);
            assert!(volume > 0.0 && !front.members().is_empty());
            // The order of points makes no difference.
            let reversed: Vec<Vec<f64>> = points.iter().rev().cloned().collect();
            let back = ParetoFront::from_points(&reversed, &directions);
            assert_eq!(back.hypervolume(&worst), volume);
            let mut indices: Vec<usize> = back.members().iter().map(|i| points.len() - 1 - i).collect();
            indices.sort_unstable();
            assert_eq!(indices, front.members());
            // A dominated point changes nothing, a better one makes it more.
            let shifted = |by: f64| -> Vec<f64> {
                let own = &points[front.members()[0]];
                own.iter().enumerate().map(|(i, x)| if i % 2 == 0 { x + by } else { x - by }).collect()
            };
            let with = |point: Vec<f64>| {
                ParetoFront::from_points(&[points.clone(), vec![point]].concat(), &directions)
            };
            let worse = with(shifted(0.1));
            assert_eq!((worse.members(), worse.hypervolume(&worst)), (front.members(), volume));
            assert!(with(shifted(-0.1)).hypervolume(&worst) > volume);
            // A direction is a sign.
            let mirrored: Vec<Vec<f64>> = points.iter().map(|p| p.iter().map(|x| -x).collect()).collect();
            let others: Vec<_> =
                directions.iter().map(|d| if *d == Lower { Higher } else { Lower }).collect();
            let mirror = ParetoFront::from_points(&mirrored, &others);
            let opposite: Vec<f64> = worst.iter().map(|x| -x).collect();
            assert_eq!((mirror.members(), mirror.hypervolume(&opposite)), (front.members(), volume));
        }
    }

    #[test]
    fn equal_points_are_members_and_what_is_no_number_is_none() {
        let points = vec![vec![1.0, 2.0], vec![1.0, 2.0], vec![f64::NAN, 0.0], vec![1.0, 3.0], vec![0.0]];
        let front = ParetoFront::from_points(&points, &[Lower, Lower]);
        assert_eq!(front.members(), [0, 1]);
        assert_eq!(front.hypervolume(&[2.0, 4.0]), 2.0);
        assert_eq!(front.hypervolume(&[1.0, 4.0]), 0.0, "no better than the reference in one objective");
        assert_eq!(ParetoFront::from_points(&[], &[Lower]).hypervolume(&[1.0]), 0.0);
    }
}
