/**
 * Ranks on MPJ Express, whose jar is an automatic module. Where that is missing, programs run
 * without this module.
 */
module mpipool.mpj {
  requires transitive mpipool.core;
  requires static mpj;
  requires org.slf4j;

  exports dev.mpipool.device;
  exports dev.mpipool.mpj;

  provides dev.mpipool.transport.TransportProvider with
      dev.mpipool.mpj.MpjProvider;
}
