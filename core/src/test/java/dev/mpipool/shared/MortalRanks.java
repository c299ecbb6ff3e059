package dev.mpipool.shared;

import dev.mpipool.comm.Communicator;
import dev.mpipool.comm.FailureModel;
import dev.mpipool.comm.LocalCommunicator;
import dev.mpipool.comm.Message;
import dev.mpipool.comm.RankLostListener;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.BinaryOperator;

/** Local ranks that can be killed: what they send is lost from then on, and others are told. */
final class MortalRanks {

  private final Set<Integer> dead = ConcurrentHashMap.newKeySet();
  private final List<RankLostListener> listeners = new CopyOnWriteArrayList<>();
  private final List<Integer> listening = new CopyOnWriteArrayList<>();
  private final boolean survive;
  final List<Communicator> ranks;

  MortalRanks(int size, boolean survive) {
    this.survive = survive;
    ranks = LocalCommunicator.create(size).stream().<Communicator>map(Mortal::new).toList();
  }

  void kill(int rank) {
    dead.add(rank);
    for (int i = 0; i < listeners.size(); i++) {
      if (!dead.contains(listening.get(i))) {
        listeners.get(i).rankLost(rank, "killed");
      }
    }
  }

  private final class Mortal implements Communicator {
    private final Communicator local;

    Mortal(Communicator local) {
      this.local = local;
    }

    @Override
    public int rank() {
      return local.rank();
    }

    @Override
    public int size() {
      return local.size();
    }

    @Override
    public void send(int destination, int tag, ByteBuffer message) {
      if (!dead.contains(rank()) && !dead.contains(destination)) {
        local.send(destination, tag, message);
      }
    }

    @Override
    public Message receive(int source, int tag) {
      return local.receive(source, tag);
    }

    @Override
    public void barrier() {
      local.barrier();
    }

    @Override
    public byte[] broadcast(byte[] value, int root) {
      return local.broadcast(value, root);
    }

    @Override
    public List<byte[]> gather(byte[] value, int root) {
      return local.gather(value, root);
    }

    @Override
    public List<byte[]> allGather(byte[] value) {
      return local.allGather(value);
    }

    @Override
    public byte[] reduce(byte[] value, BinaryOperator<byte[]> operator, int root) {
      return local.reduce(value, operator, root);
    }

    @Override
    public byte[] scatter(List<byte[]> values, int root) {
      return local.scatter(values, root);
    }

    @Override
    public Communicator duplicate() {
      return new Mortal(local.duplicate());
    }

    @Override
    public Communicator split(int color, int key) {
      return local.split(color, key);
    }

    @Override
    public synchronized void onRankLost(RankLostListener listener) {
      synchronized (MortalRanks.this) {
        listening.add(rank());
        listeners.add(listener);
      }
    }

    @Override
    public FailureModel failureModel() {
      return survive ? FailureModel.PER_RANK : FailureModel.WHOLE_JOB;
    }

    @Override
    public void close() {
      local.close();
    }
  }
}
