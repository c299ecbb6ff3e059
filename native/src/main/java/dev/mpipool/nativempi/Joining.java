package dev.mpipool.nativempi;

import dev.mpipool.transport.Launch;
import dev.mpipool.transport.Transport;

/** Opens the library and joins the other ranks; implemented by a versioned class. */
interface Joining {

  /**
   * Joins the job.
   *
   * @param launch what the environment says
   * @return this rank's end
   * @throws dev.mpipool.comm.CommunicatorException if that is impossible, with the cure
   */
  Transport join(Launch launch);
}
