package dev.mpipool.launcher;

import dev.mpipool.device.TcpDevice;
import dev.mpipool.link.LauncherLink;
import dev.mpipool.link.LauncherLink.Ending;
import dev.mpipool.link.LinkHandshake;
import dev.mpipool.signal.Termination;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * The main class of a rank that is a process. Arguments: the program's main class, then what its
 * {@code main} gets.
 *
 * <p>It links the process to the launcher, runs the program, waits for its threads, and reports how
 * it ended. A rank that did not finalize MPI stays until the launcher lets it go: with its process
 * its connections would break, and with them, under niodev, every other rank.
 */
public final class RankMain {
  /** Where the launcher listens: host:port. */
  static final String LAUNCHER = "mpipool.launcher";

  /** The rank of this process. */
  static final String RANK = "mpipool.rank";

  /**
   * The device of the job, by MPJ Express's name; it keeps {@link TcpDevice} away where it is
   * another.
   */
  static final String DEVICE = "mpipool.device";

  /**
   * What {@code MPI.Init} has to know of the job, for programs that do not hand their arguments on.
   */
  static final String JOB = "mpipool.configuration";

  /** Set to true where the first line of standard input is the secret. */
  static final String SECRET_ON_STDIN = "mpipool.secret.stdin";

  /** For how many seconds a rank tries to reach the launcher. */
  static final String START_TIMEOUT = "mpipool.start.timeout";

  /** Where the configuration for {@code MPI.Init} stands among the arguments. */
  private static final int CONFIGURATION = 2;

  private final int rank;
  private final LauncherLink link;
  private final Program program;
  private final AtomicBoolean reported = new AtomicBoolean();

  private RankMain(int rank, LauncherLink link, Program program) {
    this.rank = rank;
    this.link = link;
    this.program = program;
  }

  /**
   * Runs the rank.
   *
   * @param arguments the program's main class and its arguments
   * @throws InterruptedException if the program interrupts this thread while its other threads are
   *     still running
   * @throws IOException if the rank cannot be prepared for MPJ Express's stock device
   */
  public static void main(String[] arguments) throws InterruptedException, IOException {
    int rank = Integer.getInteger(RANK);
    LauncherLink link = link(rank);
    TcpDevice.install();
    if (Device.NIODEV.mpjName().equals(System.getProperty(DEVICE))) {
      arguments[CONFIGURATION] += StockIntroduction.start(link);
    }
    System.setProperty(JOB, arguments[CONFIGURATION]);
    Program program = new Program(arguments[0], ClassLoader.getSystemClassLoader(), () -> false);
    new RankMain(rank, link, program).run(Arrays.copyOfRange(arguments, 1, arguments.length));
  }

  /** Joins this process to the launcher, or ends it. */
  static LauncherLink link(int rank) {
    Termination.listen();
    String launcher = System.getProperty(LAUNCHER);
    int colon = launcher.lastIndexOf(':');
    try {
      return LauncherLink.open(
          new InetSocketAddress(
              launcher.substring(0, colon), Integer.parseInt(launcher.substring(colon + 1))),
          rank,
          secret(),
          Duration.ofSeconds(Integer.getInteger(START_TIMEOUT)),
          () -> {
            Termination.await();
            System.exit(0);
          });
    } catch (IOException e) {
      System.err.println(
          "mpipool: rank "
              + rank
              + " cannot reach the launcher at "
              + launcher
              + ": "
              + e.getMessage());
      System.exit(1);
      throw new IllegalStateException(e);
    }
  }

  private void run(String[] arguments) throws InterruptedException {
    Runtime.getRuntime()
        .addShutdownHook(
            new Thread(
                () -> report(program.usesMpi() ? Ending.EXITED_UNFINISHED : Ending.EXITED),
                "mpipool-exit"));
    Ending ending = program.run(arguments, rank);
    if (ending == Ending.THREW) {
      report(ending);
      Termination.await(); // the end of the workers may be why it threw
      System.exit(1);
    }
    if (UserThreads.arePoolsLeft(rootGroup())) {
      tell(Ending.POOL_RUNS);
      UserThreads.awaitPools(rootGroup());
      tell(Ending.POOL_ENDED);
    }
    UserThreads.await(rootGroup());
    ending = program.usesMpi() ? Ending.UNFINISHED : Ending.FINISHED;
    report(ending);
    if (ending == Ending.FINISHED) {
      System.exit(0);
    }
    if (rank != 0) { // the launcher ends rank 0 unless a pool of another rank still needs it
      program.finish(Thread.currentThread().getThreadGroup());
    }
    Thread.currentThread().join(); // until the launcher says leave
  }

  private void report(Ending ending) {
    if (reported.compareAndSet(false, true)) {
      tell(ending);
    }
  }

  private void tell(Ending ending) {
    try {
      link.ended(ending);
    } catch (IOException e) {
      // The launcher is gone, which ends this process anyway.
    }
  }

  private static byte[] secret() throws IOException {
    String secret =
        Boolean.getBoolean(SECRET_ON_STDIN)
            ? firstLine(System.in)
            : System.getenv(LinkHandshake.SECRET_VARIABLE);
    if (secret == null) {
      throw new IOException("the secret of the job is missing");
    }
    System.setProperty(LinkHandshake.SECRET_PROPERTY, secret);
    return HexFormat.of().parseHex(secret);
  }

  /** Takes the first line off, and nothing more: the rest is the program's. */
  private static String firstLine(InputStream in) throws IOException {
    byte[] line = new byte[64];
    int length = 0;
    for (int b = in.read(); b >= 0 && b != '\n'; b = in.read()) {
      if (length == line.length) {
        throw new IOException("the secret of the job is too long");
      }
      line[length++] = (byte) b;
    }
    return new String(line, 0, length, StandardCharsets.US_ASCII);
  }

  private static ThreadGroup rootGroup() {
    ThreadGroup group = Thread.currentThread().getThreadGroup();
    while (group.getParent() != null) {
      group = group.getParent();
    }
    return group;
  }
}
