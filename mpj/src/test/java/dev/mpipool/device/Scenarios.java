package dev.mpipool.device;

import java.util.Arrays;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import mpi.Comm;
import mpi.Datatype;
import mpi.Intracomm;
import mpi.MPI;
import mpi.MPIException;
import mpi.Request;
import mpi.Status;
import mpjbuf.Buffer;
import mpjbuf.BufferFactory;
import mpjbuf.Type;
import mpjdev.javampjdev.MPJDev;
import xdev.Device;

/** What ranks do in {@link SemanticsTest}. */
public final class Scenarios {

  private static final Intracomm WORLD = MPI.COMM_WORLD;
  private static final int ME = WORLD.Rank();
  private static final int SIZE = WORLD.Size();
  private static final int NEXT = (ME + 1) % SIZE;
  private static final int PREVIOUS = (ME + SIZE - 1) % SIZE;

  private Scenarios() {}

  static void check(boolean condition, Object what) {
    if (!condition) {
      throw new AssertionError("rank " + ME + ": " + what);
    }
  }

  static byte[] pattern(int length, int seed) {
    byte[] data = new byte[length];
    for (int i = 0; i < length; i++) {
      data[i] = (byte) (i * 31 + (i >> 8) + seed);
    }
    return data;
  }

  static void send(int to, int tag, byte... data) {
    WORLD.Send(data, 0, data.length, MPI.BYTE, to, tag);
  }

  static byte[] receive(Comm comm, int from, int tag, int room) {
    byte[] data = new byte[room];
    Status status = comm.Recv(data, 0, room, MPI.BYTE, from, tag);
    return Arrays.copyOf(data, status.count);
  }

  static double cpuMillis() {
    return java.lang.management.ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() / 1e6;
  }

  static void sizes() {
    for (int length :
        new int[] {0, 1, 31, 100, 4096, 65_536, 131_060, 131_072, 200_000, 20_000_000}) {
      byte[] out = pattern(length, ME);
      byte[] in = new byte[length];
      Status s =
          WORLD.Sendrecv(out, 0, length, MPI.BYTE, NEXT, 7, in, 0, length, MPI.BYTE, PREVIOUS, 7);
      check(s.count == length && s.source == PREVIOUS && s.tag == 7, "status at " + length);
      check(Arrays.equals(in, pattern(length, PREVIOUS)), "bytes at " + length);
    }
  }

  static void gigabyte() {
    int length = 1_000_000_000;
    if (ME == 0) {
      byte[] data = new byte[length];
      data[length - 1] = 42;
      WORLD.Send(data, 0, length, MPI.BYTE, 1, 1);
    } else {
      byte[] data = receive(WORLD, 0, 1, length);
      check(data.length == length && data[length - 1] == 42, "the end of it");
    }
  }

  static void objects() {
    Object[] out = {"text " + ME, new int[] {ME}, new byte[300_000]};
    Object[] in = new Object[3];
    WORLD.Sendrecv(out, 0, 3, MPI.OBJECT, NEXT, 8, in, 0, 3, MPI.OBJECT, PREVIOUS, 8);
    check(in[0].equals("text " + PREVIOUS) && ((byte[]) in[2]).length == 300_000, in[0]);
  }

  static void order() {
    int n = 5000;
    if (ME == 0) {
      Request[] requests = new Request[n];
      for (int i = 0; i < n; i++) {
        int[] data = new int[i % 100 == 0 ? 100_000 : 1]; // some by rendezvous
        data[0] = i;
        requests[i] = WORLD.Isend(data, 0, data.length, MPI.INT, 1, i % 3);
      }
      Request.Waitall(requests);
    } else if (ME == 1) {
      int[] data = new int[100_000];
      for (int i = 0; i < n; i++) {
        Status s = WORLD.Recv(data, 0, data.length, MPI.INT, 0, MPI.ANY_TAG);
        check(data[0] == i && s.tag == i % 3, "expected " + i + ", got " + data[0]);
      }
    }
  }

  static void tagsOutOfOrder() {
    if (ME == 0) {
      for (int tag = 0; tag < 500; tag++) {
        send(1, tag, (byte) tag);
      }
    } else if (ME == 1) {
      for (int tag = 499; tag >= 0; tag--) {
        check(receive(WORLD, 0, tag, 1)[0] == (byte) tag, tag);
      }
    }
  }

  static void anySource() {
    int n = 300;
    if (ME == 0) {
      int[] next = new int[SIZE];
      for (int i = 0; i < n * (SIZE - 1); i++) {
        int[] data = new int[1];
        Status s = WORLD.Recv(data, 0, 1, MPI.INT, MPI.ANY_SOURCE, MPI.ANY_TAG);
        check(data[0] == next[s.source]++ && s.tag == s.source, "from " + s.source);
      }
    } else {
      for (int i = 0; i < n; i++) {
        WORLD.Send(new int[] {i}, 0, 1, MPI.INT, 0, ME);
      }
    }
  }

  static void synchronous() throws InterruptedException {
    if (ME == 0) {
      for (int length : new int[] {0, 10, 500_000}) {
        Request r = WORLD.Issend(new byte[length], 0, length, MPI.BYTE, 1, 1);
        Thread.sleep(100);
        check(r.Test() == null, "complete before it is received");
        send(1, 2, (byte) 1);
        r.Wait();
      }
    } else if (ME == 1) {
      for (int length : new int[] {0, 10, 500_000}) {
        receive(WORLD, 0, 2, 1);
        check(receive(WORLD, 0, 1, 500_000).length == length, length);
      }
    }
  }

  static void probe() throws InterruptedException {
    if (ME == 0) {
      Thread.sleep(1000);
      send(1, 5, pattern(1000, 1));
    } else if (ME == 1) {
      double cpu = cpuMillis();
      Status s = WORLD.Probe(MPI.ANY_SOURCE, MPI.ANY_TAG);
      check(cpuMillis() - cpu < 300, "probe spins: " + (cpuMillis() - cpu) + " ms");
      check(s.source == 0 && s.tag == 5 && s.numEls == 1000, s.numEls);
      check(WORLD.Iprobe(0, 5) != null && WORLD.Iprobe(0, 6) == null, "iprobe");
      check(receive(WORLD, s.source, s.tag, 1000).length == 1000, "length");
    }
  }

  static void iprobeAndFetch() throws Exception {
    Device device = MPJDev.dev;
    xdev.ProcessID peer = MPJDev.WORLD.group.ids[1 - ME];
    int over = device.getSendOverhead();
    if (ME == 0) {
      Buffer b = new Buffer(BufferFactory.create(over + 32), over, over + 32);
      b.putSectionHeader(Type.INT);
      b.write(new int[] {77}, 0, 1);
      device.send(b, peer, 3, 4711);
    } else {
      Buffer b = new Buffer(BufferFactory.create(32), 0, 32);
      mpjdev.Status s = null;
      while (s == null) {
        s = device.iprobeAndFetch(peer, device.id(), 3, 4711, b);
      }
      int[] value = new int[1];
      b.commit();
      b.getSectionHeader();
      b.read(value, 0, 1);
      check(value[0] == 77 && s.srcID.equals(peer.uuid()), value[0]);
      check(device.iprobeAndFetch(peer, device.id(), 3, 4711, b) == null, "taken twice");
    }
  }

  static void waitany() throws Exception {
    if (ME == 0) {
      byte[][] data = new byte[4][1];
      mpjdev.Request[] requests = new mpjdev.Request[4];
      for (int i = 0; i < 4; i++) {
        requests[i] = WORLD.Irecv(data[i], 0, 1, MPI.BYTE, 1, i).req;
      }
      for (int expected : new int[] {2, 0, 3, 1}) {
        send(1, 100 + expected);
        mpjdev.Status s = mpjdev.Request.iwaitany(requests);
        check(s.index == expected && data[expected][0] == expected, s.index);
        requests[expected] = null;
      }
    } else if (ME == 1) {
      for (int tag : new int[] {2, 0, 3, 1}) {
        receive(WORLD, 0, 100 + tag, 1);
        Thread.sleep(20);
        send(0, tag, (byte) tag);
      }
    }
  }

  static void toMyself() throws Exception {
    for (int length : new int[] {0, 5, 1_000_000}) {
      byte[] in = new byte[length];
      Request r = WORLD.Irecv(in, 0, length, MPI.BYTE, ME, 1);
      WORLD.Ssend(pattern(length, 3), 0, length, MPI.BYTE, ME, 1);
      r.Wait();
      check(Arrays.equals(in, pattern(length, 3)), "posted first, " + length);
      Request s = WORLD.Isend(pattern(length, 4), 0, length, MPI.BYTE, ME, 2);
      check(Arrays.equals(receive(WORLD, MPI.ANY_SOURCE, 2, length), pattern(length, 4)), length);
      s.Wait();
    }
    CountDownLatch waits = new CountDownLatch(1);
    AtomicReference<byte[]> got = new AtomicReference<>();
    Thread receiver =
        new Thread(
            () -> {
              waits.countDown();
              got.set(receive(WORLD, MPI.ANY_SOURCE, 3, 10));
            });
    receiver.start();
    waits.await();
    Thread.sleep(50);
    send(ME, 3, (byte) 9);
    receiver.join(5000);
    check(got.get() != null && got.get()[0] == 9, "a receive that waits is not woken");
  }

  static void truncation() {
    for (int length : new int[] {1000, 100_000, 1_000_000}) {
      if (ME == 0) {
        send(1, 1, pattern(length, 1));
        WORLD.Ssend(pattern(length, 2), 0, length, MPI.BYTE, 1, 1);
        send(1, 1, pattern(10, 3));
        byte[] own = pattern(length, 4);
        Request r = WORLD.Isend(own, 0, length, MPI.BYTE, 0, 2);
        expectTruncation(() -> receive(WORLD, 0, 2, 500));
        r.Wait();
      } else if (ME == 1) {
        expectTruncation(() -> receive(WORLD, 0, 1, 500));
        Request r = WORLD.Irecv(new byte[500], 0, 500, MPI.BYTE, 0, 1);
        expectTruncation(r::Wait);
        check(Arrays.equals(receive(WORLD, 0, 1, 500), pattern(10, 3)), "the next message");
      }
    }
  }

  private static void expectTruncation(Runnable receive) {
    try {
      receive.run();
    } catch (MPIException e) {
      for (Throwable t = e; t != null; t = t.getCause()) {
        if (t instanceof MessageTruncatedException) {
          return;
        }
      }
      throw e;
    }
    throw new AssertionError("no truncation");
  }

  static void threads() throws Exception {
    int threads = 8;
    Intracomm[] comms = new Intracomm[threads];
    for (int i = 0; i < threads; i++) {
      comms[i] = (Intracomm) WORLD.clone();
    }
    AtomicReference<Throwable> failure = new AtomicReference<>();
    Thread[] all = new Thread[threads];
    for (int i = 0; i < threads; i++) {
      Intracomm comm = comms[i];
      all[i] =
          new Thread(
              () -> {
                for (int k = 0; k < 300; k++) {
                  int length = k % 50 == 0 ? 300_000 : k;
                  byte[] in = new byte[length];
                  comm.Sendrecv(
                      pattern(length, k + ME),
                      0,
                      length,
                      MPI.BYTE,
                      NEXT,
                      k,
                      in,
                      0,
                      length,
                      MPI.BYTE,
                      PREVIOUS,
                      k);
                  check(Arrays.equals(in, pattern(length, k + PREVIOUS)), k);
                }
              });
      all[i].setUncaughtExceptionHandler((t, e) -> failure.set(e));
      all[i].start();
    }
    for (Thread t : all) {
      t.join();
    }
    check(failure.get() == null, failure.get());
  }

  static void collectives() {
    int[] sum = new int[1];
    WORLD.Allreduce(new int[] {ME + 1}, 0, sum, 0, 1, MPI.INT, MPI.SUM);
    check(sum[0] == SIZE * (SIZE + 1) / 2, sum[0]);
    Intracomm half = WORLD.Split(ME % 2, -ME);
    half.Barrier();
    int[] all = new int[SIZE];
    WORLD.Allgather(new int[] {ME}, 0, 1, MPI.INT, all, 0, 1, MPI.INT);
    for (int i = 0; i < SIZE; i++) {
      check(all[i] == i, all[i]);
    }
  }

  static void interrupts() throws Exception {
    Thread me = Thread.currentThread();
    Thread rain =
        new Thread(
            () -> {
              while (me.isAlive() && !me.getName().equals("dry")) {
                me.interrupt();
                java.util.concurrent.locks.LockSupport.parkNanos(50_000);
              }
            });
    rain.setDaemon(true);
    rain.start();
    for (int i = 0; i < 2000; i++) {
      int length = i % 100 == 0 ? 1_000_000 : i;
      byte[] in = new byte[length];
      me.interrupt();
      WORLD.Sendrecv(
          pattern(length, i), 0, length, MPI.BYTE, NEXT, i, in, 0, length, MPI.BYTE, PREVIOUS, i);
      check(me.isInterrupted(), "the status is lost");
      check(Arrays.equals(in, pattern(length, i)), i);
    }
    me.setName("dry");
    while (rain.isAlive()) {
      java.util.concurrent.locks.LockSupport.parkNanos(1000);
    }
    Thread.interrupted();
  }

  /** Long messages of all types of elements, which go from array to array. */
  static void longArrays() {
    for (int n : new int[] {70_000, 1_234_567}) {
      double[] doubles = new double[n];
      float[] floats = new float[n];
      long[] longs = new long[n];
      int[] ints = new int[n];
      short[] shorts = new short[n];
      char[] chars = new char[n];
      boolean[] booleans = new boolean[n];
      for (int i = 0; ME == 0 && i < n; i++) {
        doubles[i] = Math.sqrt(i);
        floats[i] = i / 3f;
        longs[i] = i * 0x1_0000_0001L;
        ints[i] = i * 31;
        shorts[i] = (short) i;
        chars[i] = (char) i;
        booleans[i] = i % 3 == 0;
      }
      ring(doubles, n, MPI.DOUBLE);
      ring(floats, n, MPI.FLOAT);
      ring(longs, n, MPI.LONG);
      ring(ints, n, MPI.INT);
      ring(shorts, n, MPI.SHORT);
      ring(chars, n, MPI.CHAR);
      ring(booleans, n, MPI.BOOLEAN);
      for (int i = 3; i < n; i++) {
        check(doubles[i] == Math.sqrt(i) && floats[i] == i / 3f, "floating " + i);
        check(longs[i] == i * 0x1_0000_0001L && ints[i] == i * 31, "integer " + i);
        check(shorts[i] == (short) i && chars[i] == (char) i, "short " + i);
        check(booleans[i] == (i % 3 == 0), "boolean " + i);
      }
    }
  }

  /** Once around, all but three elements from the third on. */
  private static void ring(Object array, int n, Datatype type) {
    if (ME > 0) {
      Status s = WORLD.Recv(array, 3, n - 3, type, PREVIOUS, 9);
      check(s.count == n - 3 && s.source == PREVIOUS, s.count);
    }
    if (ME % 2 == 0) {
      WORLD.Send(array, 3, n - 3, type, NEXT, 9);
    } else {
      WORLD.Ssend(array, 3, n - 3, type, NEXT, 9);
    }
    if (ME == 0) {
      WORLD.Recv(array, 3, n - 3, type, PREVIOUS, 9);
    }
  }

  /** What MPI.Recv and MPI.Send do not do from array to array. */
  static void longButNotPlain() {
    int n = 300_000;
    int[] mine = new int[n];
    Arrays.fill(mine, ME);
    WORLD.Sendrecv_replace(mine, 0, n, MPI.INT, NEXT, 1, PREVIOUS, 1);
    check(mine[0] == PREVIOUS && mine[n - 1] == PREVIOUS, "replaced");
    Datatype everySecond = Datatype.Vector(n / 2, 1, 2, MPI.INT);
    int[] sparse = new int[n];
    if (ME == 0) {
      Arrays.setAll(sparse, i -> i);
      WORLD.Send(sparse, 0, 1, everySecond, 1, 2); // gathered, and received side by side
      WORLD.Send(sparse, 0, n, MPI.INT, 1, 3); // received into less than a tenth of the room
      WORLD.Send(sparse, 0, 10, MPI.INT, 1, 4); // short, into much room
      WORLD.Send(sparse, 0, n, MPI.INT, 1, 5); // the receiver thinks that it is something else
      WORLD.Send(sparse, 0, n, MPI.INT, 1, 6);
      WORLD.Send(new Object[] {sparse}, 0, 1, MPI.OBJECT, 1, 7);
    } else if (ME == 1) {
      int[] half = new int[n];
      check(WORLD.Recv(half, 0, n / 2, MPI.INT, 0, 2).count == n / 2, "gathered");
      check(half[1] == 2 && half[n / 2 - 1] == n - 2, half[1]);
      int[] wide = new int[10 * n];
      check(WORLD.Recv(wide, 7, 9 * n, MPI.INT, 0, 3).count == n && wide[7 + n - 1] == n - 1, "3");
      check(WORLD.Recv(wide, 0, 9 * n, MPI.INT, 0, 4).count == 10 && wide[9] == 9, "4");
      try {
        WORLD.Recv(new double[n], 0, n, MPI.DOUBLE, 0, 5);
        throw new AssertionError("ints are no doubles");
      } catch (MPIException expected) {
        check(RankLostException.find(expected) == null, expected);
      }
      check(WORLD.Recv(wide, 0, n, MPI.INT, 0, 6).count == n && wide[n - 1] == n - 1, "6");
      Object[] in = new Object[1];
      WORLD.Recv(in, 0, 1, MPI.OBJECT, 0, 7);
      check(((int[]) in[0])[n - 1] == n - 1, "7");
    }
  }

  /** Messages that nobody receives for a while must not fill the receiver's memory, nor be lost. */
  static void flood() throws Exception {
    int n = 2000;
    if (ME == 0) {
      Request[] requests = new Request[n];
      byte[] data = pattern(100_000, 1);
      for (int i = 0; i < n; i++) {
        requests[i] = WORLD.Isend(data, 0, data.length, MPI.BYTE, 1, 1);
      }
      send(1, 2);
      Request.Waitall(requests);
    } else if (ME == 1) {
      receive(WORLD, 0, 2, 1);
      System.gc();
      Runtime rt = Runtime.getRuntime();
      long used = (rt.totalMemory() - rt.freeMemory()) >> 20;
      check(used < 60, "the heap holds " + used + " MB");
      for (int i = 0; i < n; i++) {
        check(receive(WORLD, 0, 1, 100_000).length == 100_000, i);
      }
    }
  }
}
