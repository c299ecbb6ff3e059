package dev.mpipool.nativempi;

import dev.mpipool.comm.CommunicatorException;
import dev.mpipool.transport.Launch;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** A library of MPI that has been loaded. */
final class MpiLibrary {

  private static final int VERSION_BYTES = 64 * 1024;

  final SymbolLookup symbols;
  final MpiAbi abi;

  /** Where it was found, and its version, for people. */
  final String title;

  private MpiLibrary(SymbolLookup symbols, MpiAbi abi, String title) {
    this.symbols = symbols;
    this.abi = abi;
    this.title = title;
  }

  /**
   * Loads the first library that there is.
   *
   * @throws CommunicatorException if there is none, or one of no known interface
   */
  static MpiLibrary load(Launch launch) {
    List<String> candidates =
        LibrarySearch.candidates(System.getProperty(LibrarySearch.PROPERTY), System.getenv());
    IllegalArgumentException last = null;
    for (String candidate : candidates) {
      try {
        return loaded(candidate, lookup(candidate), launch);
      } catch (IllegalArgumentException e) {
        last = e; // it is not there, or cannot be loaded
      }
    }
    throw new CommunicatorException(
        "%s started this process as a rank, but its MPI library cannot be loaded (tried %s): name it with -D%s=/path/to/library or %s"
            .formatted(
                launch.launcher(),
                String.join(", ", candidates),
                LibrarySearch.PROPERTY,
                LibrarySearch.VARIABLE),
        last);
  }

  private static SymbolLookup lookup(String candidate) {
    return candidate.contains("/")
        ? SymbolLookup.libraryLookup(Path.of(candidate), Arena.global())
        : SymbolLookup.libraryLookup(candidate, Arena.global());
  }

  private static MpiLibrary loaded(String candidate, SymbolLookup symbols, Launch launch) {
    String version = version(candidate, symbols, launch);
    String title = "%s (%s)".formatted(candidate, shortened(version));
    MpiAbi abi =
        MpiAbi.of(abiVersion(symbols), name -> symbols.find(name).isPresent(), version)
            .orElseThrow(
                () ->
                    new CommunicatorException(
                        "%s has neither the binary interface of Open MPI nor of MPICH nor that of MPI-5: name another library with -D%s=/path/to/library"
                            .formatted(title, LibrarySearch.PROPERTY),
                        null));
    return new MpiLibrary(symbols, abi, title);
  }

  private static int abiVersion(SymbolLookup symbols) {
    if (symbols.find("MPI_Abi_get_version").isEmpty()) {
      return 0;
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment numbers = arena.allocate(ValueLayout.JAVA_INT, 2);
      Downcalls.call(
          symbols, "MPI_Abi_get_version", "pp", numbers.address(), numbers.address() + 4);
      return numbers.get(ValueLayout.JAVA_INT, 0);
    }
  }

  private static String version(String candidate, SymbolLookup symbols, Launch launch) {
    if (symbols.find("MPI_Get_library_version").isEmpty()) {
      throw new CommunicatorException(
          "%s started this process as a rank, but %s is no library of MPI: name it with -D%s=/path/to/library"
              .formatted(launch.launcher(), candidate, LibrarySearch.PROPERTY),
          null);
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment text = arena.allocate(VERSION_BYTES);
      MemorySegment length = arena.allocate(ValueLayout.JAVA_INT);
      Downcalls.call(symbols, "MPI_Get_library_version", "pp", text.address(), length.address());
      return text.getString(0);
    }
  }

  /** Such as "Open MPI v4.1.4", "MPICH Version: 4.0.2". */
  private static String shortened(String version) {
    return Optional.of(version.strip().split("[,\n]", 2)[0].replaceAll("\\s+", " "))
        .filter(text -> !text.isEmpty())
        .orElse("of unknown version");
  }
}
