//! Where a face will be: three Kalman filters of constant velocity, for the middle of the box and
//! the logarithm of its size.
//!
//! The decision that shapes it: lengths are measured in face sizes, so one set of constants serves
//! a face of 24 and of 600 pixels; and time is measured in seconds, because frames are not evenly
//! spaced.
use crate::geometry::Rect;

/// Unforeseen acceleration of the middle, face sizes per second squared: a head that turns round
/// within a second.
const ACCELERATION: f64 = 4.0;
/// Unforeseen acceleration of the logarithm of the size, per second squared.
const GROWTH: f64 = 1.0;
/// Error of the detector's box, as a share of the face's size.
const BOX_ERROR: f64 = 0.07;
/// How fast a face may be when it is first seen, face sizes per second.
const FIRST_SPEED: f64 = 3.0;

/// One coordinate: value, speed, and their covariance.
#[derive(Debug, Clone, Copy)]
struct Axis {
    value: f64,
    speed: f64,
    /// Variance of the value, covariance, variance of the speed.
    covariance: [f64; 3],
}

impl Axis {
    fn new(value: f64, error: f64, speed: f64) -> Self {
        Self { value, speed: 0.0, covariance: [error * error, 0.0, speed * speed] }
    }

    fn predict(&mut self, secs: f64, acceleration: f64) {
        let [vv, vs, ss] = self.covariance;
        let q = acceleration * acceleration;
        self.value += self.speed * secs;
        self.covariance = [
            vv + 2.0 * secs * vs + secs * secs * ss + q * secs.powi(4) / 4.0,
            vs + secs * ss + q * secs.powi(3) / 2.0,
            ss + q * secs * secs,
        ];
    }

    fn update(&mut self, measured: f64, error: f64) {
        let [vv, vs, ss] = self.covariance;
        let total = vv + error * error;
        let (gain, gain_speed) = (vv / total, vs / total);
        let off = measured - self.value;
        self.value += gain * off;
        self.speed += gain_speed * off;
        self.covariance = [(1.0 - gain) * vv, (1.0 - gain) * vs, ss - gain_speed * vs];
    }

    /// Squared distance in standard deviations.
    fn distance(&self, measured: f64, error: f64) -> f64 {
        (measured - self.value).powi(2) / (self.covariance[0] + error * error)
    }
}

/// The movement of one face.
#[derive(Debug, Clone)]
pub(crate) struct Motion {
    x: Axis,
    y: Axis,
    log_size: Axis,
    /// Width over height, smoothed.
    aspect: f64,
}

fn measured(face: &Rect) -> ([f64; 2], f64, f64) {
    let [x, y] = face.centre();
    let size = f64::from(face.size()).max(1.0);
    ([f64::from(x), f64::from(y)], size, f64::from(face.width.max(1.0) / face.height.max(1.0)))
}

impl Motion {
    pub(crate) fn new(face: &Rect) -> Self {
        let ([x, y], size, aspect) = measured(face);
        let axis = |v| Axis::new(v, BOX_ERROR * size, FIRST_SPEED * size);
        Self { x: axis(x), y: axis(y), log_size: Axis::new(size.ln(), BOX_ERROR, 1.0), aspect }
    }

    pub(crate) fn size(&self) -> f64 {
        // Bounded so that a long prediction cannot overflow.
        self.log_size.value.clamp(0.0, 12.0).exp()
    }

    pub(crate) fn predict(&mut self, secs: f64) {
        let size = self.size();
        self.x.predict(secs, ACCELERATION * size);
        self.y.predict(secs, ACCELERATION * size);
        self.log_size.predict(secs, GROWTH);
        // Growth is seldom steady for long; without damping a short zoom would carry on for ever.
        self.log_size.speed *= 0.5f64.powf(secs / 0.3);
    }

    pub(crate) fn update(&mut self, face: &Rect) {
        let ([x, y], size, aspect) = measured(face);
        self.x.update(x, BOX_ERROR * size);
        self.y.update(y, BOX_ERROR * size);
        self.log_size.update(size.ln(), BOX_ERROR);
        self.aspect = 0.7 * self.aspect + 0.3 * aspect;
    }

    /// Squared Mahalanobis distance of a box from the prediction: three degrees of freedom.
    pub(crate) fn distance(&self, face: &Rect) -> f64 {
        let ([x, y], size, _) = measured(face);
        let error = BOX_ERROR * size;
        self.x.distance(x, error) + self.y.distance(y, error) + self.log_size.distance(size.ln(), 2.0 * BOX_ERROR)
    }

    /// Distance of a box's middle from the predicted one, in face sizes.
    pub(crate) fn steps(&self, face: &Rect) -> f64 {
        let ([x, y], _, _) = measured(face);
        (x - self.x.value).hypot(y - self.y.value) / self.size()
    }

    pub(crate) fn predicted(&self) -> Rect {
        let (width, height) = (self.size() * self.aspect.sqrt(), self.size() / self.aspect.sqrt());
        let (x, y) = (self.x.value - 0.5 * width, self.y.value - 0.5 * height);
        Rect::new(x as f32, y as f32, width as f32, height as f32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steady_movement_is_foreseen() {
        let at = |t: f64| Rect::new((100.0 + 90.0 * t) as f32, 50.0, 60.0, 80.0);
        let mut motion = Motion::new(&at(0.0));
        for i in 1..12 {
            motion.predict(1.0 / 6.0);
            motion.update(&at(f64::from(i) / 6.0));
        }
        motion.predict(0.5);
        let expected = at(11.0 / 6.0 + 0.5);
        assert!(motion.predicted().iou(&expected) > 0.85, "{:?} {expected:?}", motion.predicted());
        assert!(motion.distance(&expected) < 1.0);
        assert!(motion.distance(&at(0.0)) > 11.3);
    }

    #[test]
    fn doubt_grows_with_time() {
        let face = Rect::new(0.0, 0.0, 50.0, 50.0);
        let mut motion = Motion::new(&face);
        let beside = Rect::new(60.0, 0.0, 50.0, 50.0);
        motion.predict(0.1);
        let soon = motion.distance(&beside);
        motion.predict(1.0);
        assert!(motion.distance(&beside) < soon / 4.0);
        motion.predict(1e4);
        assert!(motion.predicted().width.is_finite() && motion.distance(&beside).is_finite());
    }
}
