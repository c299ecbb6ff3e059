package dev.mpipool.device;

import java.util.Arrays;

/** What a rank's process runs: {@code <class> <rank> <configuration> <device> <arguments>}. */
public final class RankMain {

  private RankMain() {}

  /**
   * Puts the device in place and runs the class's main.
   *
   * @param args see above
   * @throws Throwable what main throws
   */
  public static void main(String[] args) throws Throwable {
    if (args[3].equals("tcpdev")) {
      TcpDevice.install();
    }
    Class.forName(args[0])
        .getMethod("main", String[].class)
        .invoke(null, (Object) Arrays.copyOfRange(args, 1, args.length));
  }
}
