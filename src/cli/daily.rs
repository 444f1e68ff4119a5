//! What a server does by itself: automatic deactivation, once a day.

use std::sync::Arc;
use std::time::Duration;

use crate::directory::{Refusal, Site, Store, Weight, idle};

/// How often it is looked whether there is something to do: a look at one row.
const PAUSE: Duration = Duration::from_secs(5);
/// The same after something went wrong.
const LONGER: Duration = Duration::from_secs(60);

/// Does what is due, for as long as the server runs.
pub async fn keep(store: Store, site: Arc<Site>) {
    loop {
        let pause = match turn(&store, &site).await {
            Ok(()) => PAUSE,
            Err(refusal) => {
                tracing::warn!(?refusal, "automatic deactivation did not come to its end; it is tried again");
                LONGER
            }
        };
        tokio::time::sleep(pause).await;
    }
}

async fn turn(store: &Store, site: &Arc<Site>) -> Result<(), Refusal> {
    let for_look = site.clone();
    let jobs = store.read(move |reader| idle::look(reader, &for_look)).await?;
    let mut so_far = 0;
    for job in jobs {
        let for_job = site.clone();
        let done = store.write(Weight::Heavy, move |writer| idle::carry_out(writer, &for_job, &job, so_far)).await?;
        let Some(now) = done else { break };
        so_far = now;
    }
    Ok(())
}
