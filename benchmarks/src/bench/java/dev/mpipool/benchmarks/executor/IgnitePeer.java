package dev.mpipool.benchmarks.executor;

import static java.util.concurrent.TimeUnit.SECONDS;

import dev.mpipool.SerializableCallable;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.apache.ignite.Ignite;
import org.apache.ignite.IgniteCompute;
import org.apache.ignite.Ignition;
import org.apache.ignite.configuration.IgniteConfiguration;
import org.apache.ignite.lang.IgniteCallable;
import org.apache.ignite.lang.IgniteFuture;
import org.apache.ignite.logger.NullLogger;
import org.apache.ignite.spi.communication.tcp.TcpCommunicationSpi;
import org.apache.ignite.spi.discovery.tcp.TcpDiscoverySpi;
import org.apache.ignite.spi.discovery.tcp.ipfinder.vm.TcpDiscoveryVmIpFinder;

/** Apache Ignite's compute grid: three nodes over loopback, tasks for the two that are not main. */
public final class IgnitePeer implements Contestant {

  private final IgniteCompute compute;

  private IgnitePeer(Ignite ignite) {
    compute = ignite.compute(ignite.cluster().forRemotes());
  }

  /**
   * A node.
   *
   * @param args the effort, and "worker" and its number on workers
   * @throws Exception if a measure fails
   */
  public static void main(String[] args) throws Exception {
    int number = args.length > 2 ? Integer.parseInt(args[2]) : 0;
    Ignite ignite = Ignition.start(config(number));
    if (number > 0) {
      PeerProcess.serve();
    }
    try {
      PeerProcess.await(() -> ignite.cluster().nodes().size() == 1 + WORKERS);
      Parts.measure("ignite", new IgnitePeer(ignite), args);
      Runtime.getRuntime().halt(0); // a node takes seconds to stop, and has nothing to save
    } catch (Throwable e) {
      e.printStackTrace();
      Runtime.getRuntime().halt(1);
    }
  }

  private static IgniteConfiguration config(int number) {
    int port = PeerProcess.port();
    TcpDiscoveryVmIpFinder finder = new TcpDiscoveryVmIpFinder();
    finder.setAddresses(List.of("127.0.0.1:%d..%d".formatted(port, port + WORKERS)));
    TcpDiscoverySpi discovery = new TcpDiscoverySpi();
    discovery.setIpFinder(finder).setLocalPort(port + number).setLocalPortRange(0);
    discovery.setLocalAddress("127.0.0.1");
    TcpCommunicationSpi communication = new TcpCommunicationSpi();
    communication.setLocalAddress("127.0.0.1").setLocalPort(port + 10 + number);
    IgniteConfiguration config = new IgniteConfiguration();
    String folder = System.getProperty("bench.folder", "target");
    config.setIgniteInstanceName("bench-" + number);
    config.setWorkDirectory(Path.of(folder, "ignite-" + number).toAbsolutePath().toString());
    config.setDiscoverySpi(discovery).setCommunicationSpi(communication);
    config.setLocalHost("127.0.0.1");
    config.setGridLogger(new NullLogger());
    config.setMetricsLogFrequency(0);
    config.setConnectorConfiguration(null).setClientConnectorConfiguration(null);
    config.setPublicThreadPoolSize(1);
    return config;
  }

  @Override
  public Tasks tasks() {
    return Tasks.CLASSES;
  }

  @Override
  public <T> Future<T> submit(SerializableCallable<T> task) {
    return new Handle<>(compute.callAsync(new Task<>(task)));
  }

  @Override
  public <T> List<T> onEachWorker(SerializableCallable<T> task) {
    return new ArrayList<>(compute.broadcastAsync(new Task<>(task)).get(30, SECONDS));
  }

  /** No record: Ignite cannot read those. */
  private static final class Task<T> implements IgniteCallable<T> {
    private final SerializableCallable<T> task;

    Task(SerializableCallable<T> task) {
      this.task = task;
    }

    @Override
    public T call() throws Exception {
      return task.call();
    }
  }

  /** Ignite's future as the JDK's. */
  private record Handle<T>(IgniteFuture<T> future) implements Future<T> {
    @Override
    public T get() {
      return future.get();
    }

    @Override
    public T get(long timeout, TimeUnit unit) {
      return future.get(timeout, unit);
    }

    @Override
    public boolean isDone() {
      return future.isDone();
    }

    @Override
    public boolean isCancelled() {
      return future.isCancelled();
    }

    @Override
    public boolean cancel(boolean interrupt) {
      return future.cancel();
    }
  }
}
