/**
 * The executor. The exported packages are what programs use; the others are exported to mpipool's
 * own modules only.
 */
module mpipool.core {
  requires jdk.net; // options of sockets
  requires jdk.unsupported; // signals
  requires org.apache.commons.lang3;
  requires org.slf4j;
  requires static org.apache.fory.core;

  exports dev.mpipool;
  exports dev.mpipool.comm;
  exports dev.mpipool.serial;
  exports dev.mpipool.shared;
  exports dev.mpipool.batch to
      mpipool.poolcompat;
  exports dev.mpipool.files to
      mpipool.poolcompat;
  exports dev.mpipool.link to
      mpipool.mpj;
  exports dev.mpipool.memory to
      mpipool.mpj,
      mpipool.nativempi,
      mpipool.poolcompat;
  exports dev.mpipool.protocol to
      mpipool.poolcompat;
  exports dev.mpipool.transport to
      mpipool.mpj,
      mpipool.nativempi;
  exports dev.mpipool.worker to
      mpipool.poolcompat;

  uses dev.mpipool.transport.TransportProvider;
}
