package dev.mpipool.device;

import java.util.concurrent.atomic.AtomicBoolean;

/** What the device has to say, each kind of thing once; through the JDK's {@link System.Logger}. */
final class DeviceLog {

  /** That of the device's class: users configure it by this name. */
  private static final String LOGGER = "dev.mpipool.device.TcpDevice";

  private final AtomicBoolean strangerSeen = new AtomicBoolean();

  void stranger(String what) {
    if (strangerSeen.compareAndSet(false, true)) {
      warn(what + " (said once)");
    }
  }

  void noSecret() {
    warn(
        "this job has no secret (mpipool.secret, MPIPOOL_SECRET): whoever reaches the ports of its ranks"
            + " could join it");
  }

  /**
   * On a thread of its own: setting up the JDK's logging takes time that the leader does not have.
   */
  private static void warn(String text) {
    Thread thread = new Thread(() -> write(text), "mpipool-device-log");
    thread.setDaemon(true);
    thread.start();
  }

  private static void write(String text) {
    System.getLogger(LOGGER).log(System.Logger.Level.WARNING, "mpipool: " + text);
  }
}
