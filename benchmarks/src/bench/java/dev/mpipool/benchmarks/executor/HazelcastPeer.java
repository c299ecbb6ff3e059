package dev.mpipool.benchmarks.executor;

import static java.util.concurrent.TimeUnit.SECONDS;

import com.hazelcast.cluster.Member;
import com.hazelcast.config.Config;
import com.hazelcast.config.JoinConfig;
import com.hazelcast.config.NetworkConfig;
import com.hazelcast.core.Hazelcast;
import com.hazelcast.core.HazelcastInstance;
import com.hazelcast.core.IExecutorService;
import dev.mpipool.SerializableCallable;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Future;

/**
 * Hazelcast's IExecutorService: three members over loopback, tasks for the two that are not main.
 */
public final class HazelcastPeer implements Contestant {

  private static final String EXECUTOR = "bench";

  private final IExecutorService executor;
  private final List<Member> workers = new ArrayList<>();
  private int next;

  private HazelcastPeer(HazelcastInstance hazelcast) {
    executor = hazelcast.getExecutorService(EXECUTOR);
    Member main = hazelcast.getCluster().getLocalMember();
    hazelcast.getCluster().getMembers().stream()
        .filter(member -> !member.equals(main))
        .forEach(workers::add);
  }

  /**
   * A member.
   *
   * @param args the effort, and "worker" on workers
   * @throws Exception if a measure fails
   */
  public static void main(String[] args) throws Exception {
    HazelcastInstance hazelcast = Hazelcast.newHazelcastInstance(config());
    if (args.length > 1) {
      PeerProcess.serve();
    }
    try {
      PeerProcess.await(() -> hazelcast.getCluster().getMembers().size() == 1 + WORKERS);
      Parts.measure("hazelcast", new HazelcastPeer(hazelcast), args);
    } finally {
      hazelcast.getLifecycleService().terminate();
    }
  }

  private static Config config() {
    Config config = new Config();
    config.setClusterName("bench-" + System.getProperty(PeerProcess.JOB));
    config.setProperty("hazelcast.logging.type", "none");
    config.setProperty("hazelcast.phone.home.enabled", "false");
    config.setProperty("hazelcast.wait.seconds.before.join", "0");
    config.setProperty("hazelcast.socket.bind.any", "false");
    config.getExecutorConfig(EXECUTOR).setPoolSize(1);
    NetworkConfig network = config.getNetworkConfig();
    network.setPort(PeerProcess.port()).setPortAutoIncrement(true).setPortCount(WORKERS + 1);
    network.getInterfaces().setEnabled(true).addInterface("127.0.0.1");
    JoinConfig join = network.getJoin();
    join.getAutoDetectionConfig().setEnabled(false);
    join.getMulticastConfig().setEnabled(false);
    join.getTcpIpConfig().setEnabled(true);
    for (int i = 0; i <= WORKERS; i++) {
      join.getTcpIpConfig().addMember("127.0.0.1:" + (PeerProcess.port() + i));
    }
    return config;
  }

  @Override
  public Tasks tasks() {
    return Tasks.CLASSES;
  }

  /** In turn, which is what a random choice of Hazelcast's own comes to. */
  @Override
  public synchronized <T> Future<T> submit(SerializableCallable<T> task) {
    next = (next + 1) % workers.size();
    return executor.submitToMember(task, workers.get(next));
  }

  @Override
  public <T> List<T> onEachWorker(SerializableCallable<T> task) throws Exception {
    List<Future<T>> futures = new ArrayList<>();
    for (Member worker : workers) {
      futures.add(executor.submitToMember(task, worker));
    }
    List<T> results = new ArrayList<>();
    for (Future<T> future : futures) {
      results.add(future.get(30, SECONDS));
    }
    return results;
  }
}
