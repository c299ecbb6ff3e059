package dev.mpipool.device;

import java.util.concurrent.atomic.AtomicBoolean;

/** The device's warnings, each at most once, through the JDK's {@link System.Logger}. */
final class DeviceLog {

  /** The name by which users configure the device's logging: that of its class. */
  private static final String LOGGER = "dev.mpipool.device.TcpDevice";

  private final AtomicBoolean warned = new AtomicBoolean();

  void warnOnce(String what) {
    if (warned.compareAndSet(false, true)) {
      warn(what + " (said once)");
    }
  }

  void noSecret() {
    warn(
        "this job has no secret (mpipool.secret, MPIPOOL_SECRET): any process that reaches the ports of its ranks"
            + " could join it");
  }

  /** Logs on a thread of its own: setting up the JDK's logging would delay the leader. */
  private static void warn(String text) {
    Thread thread = new Thread(() -> write(text), "mpipool-device-log");
    thread.setDaemon(true);
    thread.start();
  }

  private static void write(String text) {
    System.getLogger(LOGGER).log(System.Logger.Level.WARNING, "mpipool: " + text);
  }
}
