package dev.mpipool.mpj;

import dev.mpipool.comm.CommunicatorException;
import dev.mpipool.transport.Launch;
import dev.mpipool.transport.Transport;
import dev.mpipool.transport.TransportProvider;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Ranks on MPJ Express, or at least on our device for it. A rank is known by the arguments that the
 * starters of MPJ Express give to the program, by what our launcher has set, or by {@code MPI.Init}
 * if the program itself has called it.
 */
public final class MpjProvider implements TransportProvider {

  /** Set by our launcher in the process of a rank: its number. */
  private static final String RANK = "mpipool.rank";

  /** Set by our launcher in the process of a rank: the name of the device. */
  private static final String DEVICE = "mpipool.device";

  /** Set by our launcher in the process of a rank: the second argument of {@code MPI.Init}. */
  private static final String CONFIGURATION = "mpipool.configuration";

  private static final Set<String> DEVICES =
      Set.of("smpdev", "niodev", "hybdev", "mxdev", "tcpdev");

  /** What our launcher and those of MPJ Express put before the program's own arguments. */
  private static final int ADDED = 3;

  /** Creates the provider; called by {@link java.util.ServiceLoader}. */
  public MpjProvider() {}

  @Override
  public Optional<Launch> detect(Map<String, String> environment, String[] arguments) {
    if (begun()) {
      return Optional.of(Joining.launch());
    }
    Optional<String[]> all = launchArguments(arguments);
    return all.isPresent() ? Optional.of(launch(all.get())) : Optional.empty();
  }

  /** The size is in the configuration, which is the device's to read. */
  private static Launch launch(String[] arguments) {
    return new Launch("MPJ Express", Integer.parseInt(arguments[0]), 0);
  }

  private static Optional<String[]> launchArguments(String[] arguments) {
    if (areAdded(arguments)) {
      return Optional.of(arguments);
    }
    String configuration = System.getProperty(CONFIGURATION);
    return configuration == null
        ? Optional.empty()
        : Optional.of(
            new String[] {System.getProperty(RANK), configuration, System.getProperty(DEVICE)});
  }

  private static boolean areAdded(String[] arguments) {
    return arguments.length >= ADDED
        && arguments[0].matches("\\d{1,9}")
        && DEVICES.contains(arguments[2]);
  }

  @Override
  public String[] programArguments(String[] arguments) {
    return areAdded(arguments)
        ? Arrays.copyOfRange(arguments, ADDED, arguments.length)
        : arguments.clone();
  }

  @Override
  public Transport open(Launch launch, String[] arguments) {
    String[] all = launchArguments(arguments).orElse(arguments);
    try {
      return begun() ? Joining.joined(all) : Joining.join(all);
    } catch (LinkageError e) {
      throw new CommunicatorException(
          "This rank cannot join the others: MPJ Express is not on the class path", e);
    }
  }

  /** Whether {@code MPI.Init} has been called, and {@code MPI.Finalize} has not. */
  @Override
  public boolean begun() {
    try {
      return Joining.isInitialized();
    } catch (LinkageError e) { // MPJ Express is not there
      return false;
    }
  }

  @Override
  public void end() {
    Joining.end();
  }
}
