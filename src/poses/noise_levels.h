// poses/noise_levels.h — how noisy the simulated robot is: the one place where these numbers stand, with their sources.
// They were fixed before any solver ran on them and do not change: every result in docs/results/ was made with them.
// What they were held to: over the 800 problems of `pipit eval loops --seed 1` dead reckoning ends at most 1.5 % of its
// path away from the truth (generate_test.cc; 1.01 % at worst, 0.11 % in the median). The levels until 2026-11 (1.5 %
// of way and turn, 2 mrad per step) broke that bound: 4.6 % at worst. Model: Thrun, Burgard and Fox, Probabilistic
// Robotics (2005), sec. 5.4, odometry: errors in proportion to the distance and to the turn of a step, with a floor
// below each. All values are standard deviations of one key-frame step.
#pragma once

namespace pipit::noise_levels {

/// Of the distance driven in a step. Wheels of a differential drive, calibrated once: Borenstein and Feng, Measurement
/// and Correction of Systematic Odometry Errors in Mobile Robots, IEEE Trans. Robotics and Automation 12 (1996), take
/// at least one order of magnitude off the systematic error; 1 % is left for slip and what calibration missed.
inline constexpr double kOdometryFraction = 0.01;

/// Of the angle turned in a step. A MEMS gyroscope comes with a sensitivity within 3 % (TDK InvenSense ICG-20660, data
/// sheet); a calibrated one keeps a tenth of that.
inline constexpr double kOdometryTurn = 0.003;

/// m, added in quadrature: what wheel and floor do while the robot turns on the spot.
inline constexpr double kOdometryPosition = 0.001;

/// rad, added in quadrature. Rate noise of a MEMS gyroscope is 0.0065 (ICG-20660) to 0.014 (Bosch BMG160, data sheet)
/// degrees/s/sqrt(Hz): over the 0.8 s that 0.25 m take at 0.3 m/s it adds 0.1 to 0.2 mrad. 0.5 mrad leaves room for
/// bias and bumps.
inline constexpr double kOdometryAngle = 0.0005;

/// m and rad of a loop closure. Matching of planar laser scans: below 1 cm and 1 degree (Costa, Sobreira, Sousa and
/// Veiga, Robust and Accurate Localization System for Mobile Manipulators in Cluttered Environments, ICIT 2015). Taken
/// as two sigma of the place; the angle follows from 5 mm over the 1.7 m to the walls of a room.
inline constexpr double kClosurePosition = 0.005;
inline constexpr double kClosureAngle = 0.003;

}  // namespace pipit::noise_levels
