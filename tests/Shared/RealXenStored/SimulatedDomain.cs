using System.IO.MemoryMappedFiles;
using Xenlet.XenStoreRing;

namespace Xenlet.Tests.RealXenStored;

/// <summary>
/// What a guest has of xenstore: the ring page, mapped, and the event channel to its other side. Offsets are those of
/// struct xenstore_domain_interface in io/xs_wire.h.
/// </summary>
internal sealed unsafe class SimulatedDomain : IRingPage, IDisposable
{
    /// <summary>Length of the ring page in bytes.</summary>
    public const int PageLength = 4096;

    public const uint RequestRingLength = 1024;
    public const int RequestConsumer = 2048;
    public const int RequestProducer = 2052;
    public const int ResponseConsumer = 2056;
    public const int ResponseProducer = 2060;
    public const int ServerFeatures = 2064;
    public const int Connection = 2068;
    public const int Error = 2072;

    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private readonly FileStream _wakeUps;
    private readonly FileStream _events;
    private readonly byte _port;
    private readonly Thread _reader;
    private readonly Lock _lock = new();
    private Action? _notified;
    private bool _isDisposed;

    public SimulatedDomain(int domid, string ring, string wakeUps, string events, byte port)
    {
        Domid = domid;
        _port = port;
        _file = MemoryMappedFile.CreateFromFile(ring, FileMode.Open, null, PageLength);
        _view = _file.CreateViewAccessor();
        byte* page = null;
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref page);
        Page = page;
        _wakeUps = new FileStream(wakeUps, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0);
        _events = new FileStream(events, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0);
        _reader = new Thread(ReadWakeUps) { IsBackground = true, Name = $"event channel of domain {domid}" };
        _reader.Start();
    }

    /// <summary>
    /// Raised on a thread of its own when the other side has sent an event. A handler that was removed is not called any more, and must not
    /// wait.
    /// </summary>
    public event Action Notified
    {
        add
        {
            lock (_lock)
            {
                _notified += value;
            }
        }

        remove
        {
            lock (_lock)
            {
                _notified -= value;
            }
        }
    }

    /// <summary>The domain's number.</summary>
    public int Domid { get; }

    /// <summary>The ring page.</summary>
    public byte* Page { get; }

    /// <inheritdoc/>
    nint IRingPage.Address => (nint)Page;

    /// <summary>Events the domain has sent.</summary>
    public int NotificationsSent => _sent;

    private int _sent;

    /// <summary>A field of the ring page, by its offset.</summary>
    public uint this[int offset]
    {
        get => Volatile.Read(ref *(uint*)(Page + offset));
        set => Volatile.Write(ref *(uint*)(Page + offset), value);
    }

    /// <summary>Sets a byte of the request ring, by its free-running index.</summary>
    public void SetByte(uint index, byte value) => Page[index % RequestRingLength] = value;

    /// <summary>Sends an event to the daemon.</summary>
    public void Notify()
    {
        Interlocked.Increment(ref _sent);
        _events.Write([_port]);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_isDisposed)
        {
            return;
        }

        _isDisposed = true;
        _wakeUps.Write("!"u8);
        _reader.Join();
        _wakeUps.Dispose();
        _events.Dispose();
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _file.Dispose();
    }

    private void ReadWakeUps()
    {
        byte[] buffer = new byte[256];
        while (_wakeUps.Read(buffer) > 0 && !_isDisposed)
        {
            lock (_lock)
            {
                _notified?.Invoke();
            }
        }
    }
}
