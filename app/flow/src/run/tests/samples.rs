//! One stored sample of each kind of event, decoded for ever.
