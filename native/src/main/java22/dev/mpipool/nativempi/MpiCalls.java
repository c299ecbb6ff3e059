package dev.mpipool.nativempi;

import dev.mpipool.comm.CommunicatorException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/**
 * The functions of MPI that messages need, on the one communicator that all of them use. Pointers
 * and handles are longs: a handle of 4 bytes fills the lower half of a register, and the callee
 * reads no more of it.
 *
 * <p>What goes wrong in MPI is a {@link CommunicatorException} with MPI's own words.
 */
final class MpiCalls {

  private static MpiLibrary library;

  /** Set before the first call, as constants are faster. */
  private static long communicatorHandle;

  /** The rest of this class is initialized when it is first used. */
  private static final class Linked {
    static final SymbolLookup SYMBOLS = library.symbols;
    static final MethodHandle ISEND = Downcalls.link(SYMBOLS, "MPI_Isend", "pipiipp");
    static final MethodHandle IRECV = Downcalls.link(SYMBOLS, "MPI_Irecv", "pipiipp");
    static final MethodHandle IMPROBE = Downcalls.link(SYMBOLS, "MPI_Improbe", "iipppp");
    static final MethodHandle IMRECV = Downcalls.link(SYMBOLS, "MPI_Imrecv", "pippp");
    static final MethodHandle MRECV = Downcalls.link(SYMBOLS, "MPI_Mrecv", "pippp");
    static final MethodHandle TEST = Downcalls.link(SYMBOLS, "MPI_Test", "ppp");
    static final MethodHandle GET_COUNT = Downcalls.link(SYMBOLS, "MPI_Get_count", "ppp");
    static final long BYTE = handle(library.abi.byteType());
    static final long COMMUNICATOR = communicatorHandle;
    static final int ANY_SOURCE = library.abi.anySource();
    static final long STATUS_SOURCE = library.abi.statusSource();

    static final Turn TURN = new Turn();
  }

  private MpiCalls() {}

  /**
   * Initializes MPI, once in this process.
   *
   * @param loaded the library
   */
  static void initialize(MpiLibrary loaded) {
    library = loaded;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment granted = arena.allocate(ValueLayout.JAVA_INT);
      int multiple = loaded.abi.threadMultiple();
      rare("MPI_Init_thread", "ppip", 0L, 0L, multiple, granted.address());
    }
  }

  /** A number that MPI tells of the world: its size, or the rank of this process. */
  static int ofWorld(String function) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment number = arena.allocate(ValueLayout.JAVA_INT);
      rare(function, "pp", handle(library.abi.commWorld()), number.address());
      return number.get(ValueLayout.JAVA_INT, 0);
    }
  }

  /** Makes the communicator of all messages. Collective. */
  static void duplicateWorld() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment made = arena.allocate(ValueLayout.JAVA_LONG);
      long world = handle(library.abi.commWorld());
      rare("MPI_Comm_dup", "pp", world, made.address());
      communicatorHandle = made.get(ValueLayout.JAVA_LONG, 0);
      long errorsReturn = handle(library.abi.errorsReturn());
      rare("MPI_Comm_set_errhandler", "pp", world, errorsReturn);
      rare("MPI_Comm_set_errhandler", "pp", communicatorHandle, errorsReturn);
    }
  }

  /** Gives the same number of bytes of each rank to all. Collective. */
  static void allGather(MemorySegment mine, MemorySegment all) {
    int bytes = Math.toIntExact(mine.byteSize());
    rare(
        "MPI_Allgather",
        "pippipp",
        mine.address(),
        bytes,
        Linked.BYTE,
        all.address(),
        bytes,
        Linked.BYTE,
        Linked.COMMUNICATOR);
  }

  /** Prepares a message that MPI_Start sends. */
  static void initSend(long data, int bytes, int destination, int tag, long request) {
    rare(
        "MPI_Send_init",
        "pipiipp",
        data,
        bytes,
        Linked.BYTE,
        destination,
        tag,
        Linked.COMMUNICATOR,
        request);
  }

  static void isend(long data, int bytes, int destination, int tag, long request) {
    Linked.TURN.acquire();
    try {
      check(
          "MPI_Isend",
          (int)
              Linked.ISEND.invokeExact(
                  data, bytes, Linked.BYTE, destination, tag, Linked.COMMUNICATOR, request));
    } catch (Throwable e) {
      throw Downcalls.unexpected(e);
    } finally {
      Linked.TURN.end();
    }
  }

  static void irecv(long data, int bytes, int source, int tag, long request) {
    Linked.TURN.acquire();
    try {
      check(
          "MPI_Irecv",
          (int)
              Linked.IRECV.invokeExact(
                  data, bytes, Linked.BYTE, source, tag, Linked.COMMUNICATOR, request));
    } catch (Throwable e) {
      throw Downcalls.unexpected(e);
    } finally {
      Linked.TURN.end();
    }
  }

  /** Lets other threads call MPI first; to be called before each look of a thread that polls. */
  static void giveWay() {
    Linked.TURN.giveWay();
  }

  /**
   * Looks for a message of any rank.
   *
   * @param slot gets its source, its length and what {@link #receive} needs
   * @return whether there is one
   */
  static boolean probeAny(Slot slot, int tag) {
    try {
      return probe(slot, Linked.ANY_SOURCE, tag);
    } catch (MpiException e) {
      if (e.isLoss()) {
        return false; // the others can still send
      }
      throw e;
    }
  }

  static boolean probe(Slot slot, int source, int tag) {
    Linked.TURN.acquire();
    try {
      check(
          "MPI_Improbe",
          (int)
              Linked.IMPROBE.invokeExact(
                  source,
                  tag,
                  Linked.COMMUNICATOR,
                  slot.flagAddress,
                  slot.matchAddress,
                  slot.statusAddress));
      if (!slot.flag()) {
        return false;
      }
      check(
          "MPI_Get_count",
          (int) Linked.GET_COUNT.invokeExact(slot.statusAddress, Linked.BYTE, slot.countAddress));
      slot.found(slot.statusInt(Linked.STATUS_SOURCE));
      return true;
    } catch (Throwable e) {
      throw Downcalls.unexpected(e);
    } finally {
      Linked.TURN.end();
    }
  }

  /**
   * Receives the message that a probe has found, into the slot's memory; may wait for its sender.
   */
  static void receive(Slot slot) {
    Linked.TURN.acquire();
    try {
      check(
          "MPI_Mrecv",
          (int)
              Linked.MRECV.invokeExact(
                  slot.address, slot.bytes, Linked.BYTE, slot.matchAddress, slot.statusAddress));
    } catch (Throwable e) {
      throw Downcalls.unexpected(e);
    } finally {
      Linked.TURN.end();
    }
  }

  /** Begins to receive the message that a probe has found, into the slot's memory. */
  static void beginReceive(Slot slot) {
    Linked.TURN.acquire();
    try {
      check(
          "MPI_Imrecv",
          (int)
              Linked.IMRECV.invokeExact(
                  slot.address, slot.bytes, Linked.BYTE, slot.matchAddress, slot.requestAddress));
    } catch (Throwable e) {
      throw Downcalls.unexpected(e);
    } finally {
      Linked.TURN.end();
    }
  }

  /** Whether the slot's request is complete. */
  static boolean test(Slot slot) {
    Linked.TURN.acquire();
    try {
      check(
          "MPI_Test",
          (int) Linked.TEST.invokeExact(slot.requestAddress, slot.flagAddress, slot.statusAddress));
      return slot.flag();
    } catch (Throwable e) {
      throw Downcalls.unexpected(e);
    } finally {
      Linked.TURN.end();
    }
  }

  /** Ends MPI. Waits for the other ranks. */
  static void finish() {
    rare("MPI_Finalize", "");
  }

  /** Ends all ranks; may return. */
  static void abort(int exitCode) {
    Downcalls.call(library.symbols, "MPI_Abort", "pi", handle(library.abi.commWorld()), exitCode);
  }

  /** The address of a function or a variable of the library. */
  static MemorySegment symbol(String name) {
    return library
        .symbols
        .find(name)
        .orElseThrow(() -> new CommunicatorException(library.title + " has no " + name, null));
  }

  static long world() {
    return handle(library.abi.commWorld());
  }

  private static long handle(MpiAbi.Handle constant) {
    return constant.resolve(name -> symbol(name).address());
  }

  static boolean hasSymbol(String name) {
    return library.symbols.find(name).isPresent();
  }

  /** Calls a function of the communicator, with a place for what it gives, or without. */
  static void onCommunicator(String function, MemorySegment place) {
    if (place == null) {
      rare(function, "p", Linked.COMMUNICATOR);
    } else {
      rare(function, "pp", Linked.COMMUNICATOR, place.address());
    }
  }

  /** Calls a function that is called seldom; see {@link Downcalls#call}. */
  static void rare(String function, String shape, Object... arguments) {
    check(function, Downcalls.call(library.symbols, function, shape, arguments));
  }

  private static void check(String function, int code) {
    if (code != 0) {
      throw new MpiException("%s: %s".formatted(function, text(code)), code);
    }
  }

  private static String text(int code) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment text = arena.allocate(64 * 1024);
      MemorySegment length = arena.allocate(ValueLayout.JAVA_INT);
      int failed =
          Downcalls.call(
              library.symbols, "MPI_Error_string", "ipp", code, text.address(), length.address());
      return failed == 0 ? text.getString(0) : "error " + code;
    }
  }
}
