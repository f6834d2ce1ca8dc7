//! Keys keep their order, values come back, and what was never written is refused.

use super::*;
