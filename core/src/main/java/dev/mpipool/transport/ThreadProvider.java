package dev.mpipool.transport;

import java.util.Arrays;
import java.util.Map;
import java.util.Optional;

/** Ranks that our launcher has started as threads of this JVM. */
public final class ThreadProvider implements TransportProvider {

  /** What our launcher puts before the program's own arguments. */
  private static final int ADDED = 3;

  private final int rank = RankQueues.rankOf(ThreadProvider.class);

  /** Creates the provider. */
  public ThreadProvider() {}

  @Override
  public Optional<Launch> detect(Map<String, String> environment, String[] arguments) {
    return rank < 0
        ? Optional.empty()
        : Optional.of(new Launch("bin/mpjrun.sh", rank, RankQueues.count()));
  }

  @Override
  public String[] programArguments(String[] arguments) {
    boolean added =
        arguments.length >= ADDED
            && arguments[0].equals(Integer.toString(rank))
            && arguments[1].equals(Integer.toString(RankQueues.count()));
    return added ? Arrays.copyOfRange(arguments, ADDED, arguments.length) : arguments.clone();
  }

  @Override
  public Transport open(Launch launch, String[] arguments) {
    return ThreadTransport.ofProcess(rank);
  }
}
