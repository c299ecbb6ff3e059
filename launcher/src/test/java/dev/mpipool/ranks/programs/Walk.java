package dev.mpipool.ranks.programs;

import dev.mpipool.transport.Launch;
import dev.mpipool.transport.ThreadProvider;
import dev.mpipool.transport.Transport;
import dev.mpipool.transport.TransportProvider;
import dev.mpipool.transport.TransportWalk;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.ServiceLoader;

/** A random walk over the transport that the launcher's options lead to: its argument is a seed. */
public final class Walk {

  private Walk() {}

  public static void main(String[] args) throws Exception {
    Transport transport = open(args);
    long bytes = new TransportWalk(transport, Long.parseLong(args[args.length - 1])).run();
    System.out.println("rank " + transport.rank() + " received bytes: " + (bytes > 0));
    transport.finish(false);
  }

  private static Transport open(String[] args) {
    List<TransportProvider> providers = new ArrayList<>(List.of(new ThreadProvider()));
    ServiceLoader.load(TransportProvider.class).forEach(providers::add);
    for (Map<String, String> environment : List.of(Map.<String, String>of(), System.getenv())) {
      for (TransportProvider provider : providers) {
        Optional<Launch> launch = provider.detect(environment, args);
        if (launch.isPresent()) {
          return provider.open(launch.get(), args);
        }
      }
    }
    throw new IllegalStateException("this process is no rank");
  }
}
