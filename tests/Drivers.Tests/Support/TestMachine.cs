using System.Collections.Concurrent;
using Xenlet.Kernel;

namespace Xenlet.Drivers.Tests;

/// <summary>
/// The part of a guest that drivers share with back ends, with methods for a test that plays the back end: it can map pages by their grant
/// references, and has the other ends of event channels.
/// </summary>
internal sealed class TestMachine : ISharedPages, IEventChannels
{
    private readonly ConcurrentDictionary<uint, TestGrant> _grants = new();
    private readonly ConcurrentDictionary<uint, TestChannel> _channels = new();
    private readonly ConcurrentDictionary<TestPage, bool> _pages = new();
    private uint _lastReference = 8;
    private uint _nextPort = 10;
    private long _nextFrame = 0x100;

    /// <summary>Pages that the guest has and can share; beyond it there is no memory.</summary>
    public int PageLimit { get; set; } = int.MaxValue;

    /// <summary>The first grant reference is behind this one.</summary>
    public uint LastReference
    {
        init => _lastReference = value;
    }

    /// <summary>Entries of the grant table.</summary>
    public int GrantLimit { get; set; } = int.MaxValue;

    /// <summary>Pages that are allocated, including those that another domain still has mapped.</summary>
    public int Pages => _pages.Count;

    public int Grants => _grants.Count;

    public int Channels => _channels.Count;

    public int HeldPages => _pages.Keys.Count(page => page.IsDisposed);

    public ISharedPage Allocate()
    {
        if (_pages.Count >= PageLimit)
        {
            throw new InsufficientMemoryException("no page is left to be shared");
        }

        TestPage page = new(this, (ulong)Interlocked.Increment(ref _nextFrame));
        _pages[page] = true;
        return page;
    }

    public IEventChannel AllocateUnbound(ushort remoteDomain)
    {
        TestChannel channel = new(this, Interlocked.Increment(ref _nextPort), remoteDomain);
        _channels[channel.Port] = channel;
        return channel;
    }

    public IEventChannel BindInterdomain(ushort remoteDomain, uint remotePort) => throw new NotSupportedException("front ends open ports");

    public IEventChannel Adopt(uint port) => throw new NotSupportedException("front ends open ports");

    /// <summary>The back end maps a page. It can read and write the guest's bytes until it unmaps the page.</summary>
    public TestMapping Map(uint reference, ushort domain)
    {
        TestGrant grant = _grants.TryGetValue(reference, out TestGrant? found)
            ? found
            : throw new XenException($"mapping grant {reference}", XenErrno.EINVAL);
        return grant.Domain == domain ? grant.Map() : throw new XenException($"mapping grant {reference}", XenErrno.EPERM);
    }

    /// <summary>The back end binds to a port of the guest.</summary>
    public TestChannel Bind(uint port) =>
        _channels.TryGetValue(port, out TestChannel? channel) ? channel : throw new XenException($"binding port {port}", XenErrno.EINVAL);

    /// <summary>Does what a resume does: all channels are closed and all grants have ended, even for mapped pages.</summary>
    public void Resume()
    {
        foreach (TestChannel channel in _channels.Values)
        {
            channel.Dispose();
        }

        foreach (TestGrant grant in _grants.Values)
        {
            grant.Vanish();
        }
    }

    public TestGrant Add(TestPage page, ushort domain)
    {
        if (_grants.Count >= GrantLimit)
        {
            throw new XenException($"granting guest frame {page.Frame:x}", XenErrno.ENOSPC);
        }

        TestGrant grant = new(page, Interlocked.Increment(ref _lastReference), domain);
        _grants[grant.Reference] = grant;
        return grant;
    }

    public void Remove(TestGrant grant) => _grants.TryRemove(grant.Reference, out _);

    public void Remove(TestChannel channel) => _channels.TryRemove(channel.Port, out _);

    public void Remove(TestPage page) => _pages.TryRemove(page, out _);
}

/// <summary>A page of the guest.</summary>
internal sealed class TestPage(TestMachine machine, ulong frame) : ISharedPage
{
    private readonly HashSet<TestGrant> _grants = [];

    /// <summary>Guards the page's state and that of its grants.</summary>
    public Lock Lock { get; } = new();

    public ulong Frame => frame;

    public byte[] Bytes { get; } = GC.AllocateArray<byte>(ISharedPage.Size, pinned: true);

    public bool IsDisposed { get; private set; }

    public Span<byte> Span
    {
        get
        {
            ObjectDisposedException.ThrowIf(IsDisposed, this);
            return Bytes;
        }
    }

    public Memory<byte> Memory
    {
        get
        {
            ObjectDisposedException.ThrowIf(IsDisposed, this);
            return Bytes;
        }
    }

    public IGrant Grant(ushort domain, bool isReadOnly = false)
    {
        lock (Lock)
        {
            ObjectDisposedException.ThrowIf(IsDisposed, this);
            TestGrant grant = machine.Add(this, domain);
            _grants.Add(grant);
            return grant;
        }
    }

    public void Dispose()
    {
        lock (Lock)
        {
            IsDisposed = true;
            foreach (TestGrant grant in _grants.ToArray())
            {
                TryEnd(grant);
            }

            Release();
        }
    }

    public bool TryEnd(TestGrant grant)
    {
        lock (Lock)
        {
            if (grant.Mappings > 0)
            {
                return false;
            }

            machine.Remove(grant);
            _grants.Remove(grant);
            Release();
            return true;
        }
    }

    private void Release()
    {
        if (IsDisposed && _grants.Count == 0)
        {
            machine.Remove(this);
        }
    }
}

/// <summary>
/// An entry of the grant table. Front end and back end may release it at the same time, so the page's lock guards all of it.
/// </summary>
internal sealed class TestGrant(TestPage page, uint reference, ushort domain) : IGrant
{
    private bool _isAbandoned;

    public uint Reference => reference;

    public ushort Domain => domain;

    public bool IsReadOnly => false;

    public int Mappings { get; private set; }

    public bool TryEnd() => page.TryEnd(this);

    public void Dispose()
    {
        lock (page.Lock)
        {
            _isAbandoned = !page.TryEnd(this);
        }
    }

    public TestMapping Map()
    {
        lock (page.Lock)
        {
            Mappings++;
            return new TestMapping(this, page.Bytes);
        }
    }

    public void Unmap()
    {
        lock (page.Lock)
        {
            if (--Mappings == 0 && (_isAbandoned || page.IsDisposed))
            {
                page.TryEnd(this);
            }
        }
    }

    public void Vanish()
    {
        lock (page.Lock)
        {
            Mappings = 0;
            page.TryEnd(this);
        }
    }
}

/// <summary>A page as the back end sees it.</summary>
internal sealed class TestMapping(TestGrant grant, byte[] bytes) : IDisposable
{
    private bool _isDisposed;

    public byte[] Bytes => bytes;

    public void Dispose()
    {
        if (!_isDisposed)
        {
            _isDisposed = true;
            grant.Unmap();
        }
    }
}

/// <summary>An event channel; the front end has <see cref="IEventChannel"/>, the back end the rest.</summary>
internal sealed class TestChannel(TestMachine machine, uint port, ushort domain) : IEventChannel
{
    // Without the pool, like the kernel's: the front end may have no thread of the pool left.
    private readonly AsyncSignal _toFront = new();
    private readonly SemaphoreSlim _toBack = new(0, 1);
    private readonly CancellationTokenSource _closed = new();
    private int _waiting;
    private int _notifications;
    private int _spurious;

    public uint Port => port;

    public ushort Domain => domain;

    /// <summary>How often the front end has notified.</summary>
    public int Notifications => _notifications;

    public void Notify()
    {
        ObjectDisposedException.ThrowIf(_closed.IsCancellationRequested, this);
        Interlocked.Increment(ref _notifications);
        Ring(_toBack);
    }

    public async ValueTask WaitAsync(CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_closed.IsCancellationRequested, this);
        if (Interlocked.Exchange(ref _waiting, 1) != 0)
        {
            throw new InvalidOperationException($"event channel port {port} already has a waiter");
        }

        try
        {
            using CancellationTokenSource both = CancellationTokenSource.CreateLinkedTokenSource(_closed.Token, cancellationToken);
            await _toFront.WaitAsync(both.Token);
        }
        catch (OperationCanceledException) when (_closed.IsCancellationRequested)
        {
            throw new ObjectDisposedException(nameof(TestChannel), $"event channel port {port} was closed");
        }
        finally
        {
            _waiting = 0;
        }
    }

    /// <summary>As in the kernel: the ninth in a row delays the next wait.</summary>
    public bool ReportSpurious() => Interlocked.Increment(ref _spurious) > 8;

    public void Dispose()
    {
        machine.Remove(this);
        _closed.Cancel();
    }

    /// <summary>The back end signals the front end.</summary>
    public void NotifyFront() => _toFront.Set();

    /// <summary>The back end waits for the front end's signal.</summary>
    public Task WaitForFrontAsync(CancellationToken cancellationToken) => _toBack.WaitAsync(cancellationToken);

    private static void Ring(SemaphoreSlim bell)
    {
        try
        {
            if (bell.CurrentCount == 0)
            {
                bell.Release();
            }
        }
        catch (SemaphoreFullException)
        {
            // The event is already pending.
        }
    }
}
