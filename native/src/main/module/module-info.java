/** Ranks on Open MPI, MPICH or any library of the MPI-5 ABI. */
module mpipool.nativempi {
  requires mpipool.core;
  requires org.slf4j;

  provides dev.mpipool.transport.TransportProvider with
      dev.mpipool.nativempi.NativeProvider;
}
