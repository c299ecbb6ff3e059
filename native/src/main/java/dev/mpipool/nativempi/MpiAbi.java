package dev.mpipool.nativempi;

import java.util.Optional;
import java.util.function.Predicate;
import java.util.function.ToLongFunction;

/**
 * The constants of a binary interface of MPI, as the libraries' {@code mpi.h} define them.
 *
 * @param commWorld MPI_COMM_WORLD
 * @param byteType MPI_BYTE
 * @param errorsReturn MPI_ERRORS_RETURN
 * @param anySource MPI_ANY_SOURCE
 * @param threadMultiple MPI_THREAD_MULTIPLE
 * @param statusSource where MPI_SOURCE is in an MPI_Status
 */
record MpiAbi(
    Handle commWorld,
    Handle byteType,
    Handle errorsReturn,
    int anySource,
    int threadMultiple,
    int statusSource) {

  /** Open MPI, versions 4 to 6. */
  static final MpiAbi OPEN_MPI =
      new MpiAbi(
          Handle.of("ompi_mpi_comm_world"),
          Handle.of("ompi_mpi_byte"),
          Handle.of("ompi_mpi_errors_return"),
          -1,
          3,
          0);

  /** MPICH, versions 3 to 5, and its descendants: Intel MPI, MVAPICH, Cray MPICH. */
  static final MpiAbi MPICH =
      new MpiAbi(Handle.of(0x44000000), Handle.of(0x4c00010d), Handle.of(0x54000001), -2, 3, 8);

  /** The interface that MPI-5 standardizes for all libraries. */
  static final MpiAbi STANDARD =
      new MpiAbi(Handle.of(0x101), Handle.of(0x247), Handle.of(0x143), -1, 4096, 0);

  /** Large enough for every library's MPI_Status. */
  static final int STATUS_BYTES = 64;

  /** A constant handle: a number, or else the address of a symbol of the library. */
  record Handle(long value, String symbol) {

    static Handle of(long value) {
      return new Handle(value, null);
    }

    static Handle of(String symbol) {
      return new Handle(0, symbol);
    }

    long resolve(ToLongFunction<String> addresses) {
      return symbol == null ? value : addresses.applyAsLong(symbol);
    }
  }

  /**
   * The interface of a library. The library of Open MPI's that has the standard interface exports
   * the symbols of its own, too, so symbols alone do not tell.
   *
   * @param abiVersion the major version that MPI_Abi_get_version gives; 0 or less if there is none
   * @param hasSymbol whether the library exports a symbol
   * @param version the text of MPI_Get_library_version
   * @return empty if the library has none of these interfaces
   */
  static Optional<MpiAbi> of(int abiVersion, Predicate<String> hasSymbol, String version) {
    if (abiVersion > 0) {
      return Optional.of(STANDARD);
    }
    if (hasSymbol.test(OPEN_MPI.commWorld.symbol())) {
      return Optional.of(OPEN_MPI);
    }
    boolean mpich =
        version.contains("MPICH") || version.contains("Intel") || version.contains("MVAPICH");
    return mpich ? Optional.of(MPICH) : Optional.empty();
  }
}
