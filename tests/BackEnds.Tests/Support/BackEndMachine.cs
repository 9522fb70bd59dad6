using System.Collections.Concurrent;
using Xenlet.Drivers.Tests;
using Xenlet.Kernel;

namespace Xenlet.BackEnds.Tests;

/// <summary>
/// The machine of the back ends' domain, which reaches the pages and ports of a front end's domain as Xen would let it.
/// </summary>
/// <param name="front">The front end's domain.</param>
/// <param name="self">The back ends' domain, for which grants and ports have to be.</param>
internal sealed class BackEndMachine(TestMachine front, ushort self) : IForeignPages, IEventChannels
{
    private readonly Lock _lock = new();
    private readonly ConcurrentDictionary<Page, uint> _pages = new();
    private int _mapped;
    private int _channels;

    /// <summary>What is done to a reference in place of what Xen would do; null for that.</summary>
    public Func<uint, GrantResult?> Refusal { get; set; } = static _ => null;

    public int Mapped => Volatile.Read(ref _mapped);

    public int Channels => Volatile.Read(ref _channels);

    /// <summary>The references of the pages that are mapped.</summary>
    public IReadOnlyCollection<uint> MappedReferences => [.. _pages.Values];

    /// <summary>The machines by which the pages of other front ends' domains are reached.</summary>
    public Dictionary<ushort, BackEndMachine> Others { get; } = [];

    /// <summary>Called after a call has copied from the front end's pages.</summary>
    public Action Copied { get; set; } = static () => { };

    /// <summary>Called before the front end is notified.</summary>
    public Action Notifying { get; set; } = static () => { };

    /// <summary>Parts that were copied by Xen.</summary>
    public int Copies { get; private set; }

    public int StuckPages => 0;

    public void Map(
        ushort domain, ReadOnlySpan<uint> references, bool isReadOnly, Span<IForeignPage?> pages, Span<GrantResult> results)
    {
        for (int i = 0; i < references.Length; i++)
        {
            results[i] = TryMap(references[i], out TestMapping? mapping);
            pages[i] = null;
            if (mapping is not null)
            {
                Page page = new(this, mapping, domain, references[i]);
                _pages[page] = references[i];
                pages[i] = page;
                Interlocked.Increment(ref _mapped);
            }
        }
    }

    public bool Unmap(ReadOnlySpan<IForeignPage> pages)
    {
        foreach (IForeignPage page in pages)
        {
            page.Dispose();
        }

        return true;
    }

    public void CopyFrom(ushort domain, Span<GrantCopy> copies, Span<byte> buffer)
    {
        foreach (ref GrantCopy copy in copies)
        {
            copy.Result = Reach(copy, out TestMapping? mapping);
            mapping?.Bytes.AsSpan(copy.Offset, copy.Length).CopyTo(buffer[copy.BufferOffset..]);
            mapping?.Dispose();
        }

        Copied();
    }

    public void CopyTo(ushort domain, Span<GrantCopy> copies, ReadOnlySpan<byte> buffer)
    {
        foreach (ref GrantCopy copy in copies)
        {
            copy.Result = Reach(copy, out TestMapping? mapping);
            if (mapping is not null)
            {
                buffer.Slice(copy.BufferOffset, copy.Length).CopyTo(mapping.Bytes.AsSpan(copy.Offset));
            }

            mapping?.Dispose();
        }
    }

    public void CopyBetween(ushort source, ushort destination, Span<GrantTransfer> transfers, ReadOnlySpan<byte> buffer)
    {
        BackEndMachine from = Others[source];
        BackEndMachine to = Others[destination];
        foreach (ref GrantTransfer part in transfers)
        {
            TestMapping? read = null;
            part.Result = part.IsFromBuffer ? GrantResult.Okay : from.Reach(part.SourceReference, part.SourceOffset, part.Length, out read);
            ReadOnlySpan<byte> bytes = part.IsFromBuffer ? buffer : read is null ? default : read.Bytes;
            if (part.Result == GrantResult.Okay)
            {
                part.Result = to.Reach(part.Reference, part.Offset, part.Length, out TestMapping? written);
                if (written is not null)
                {
                    bytes.Slice(part.SourceOffset, part.Length).CopyTo(written.Bytes.AsSpan(part.Offset));
                }

                written?.Dispose();
            }

            read?.Dispose();
        }
    }

    public IEventChannel BindInterdomain(ushort remoteDomain, uint remotePort)
    {
        TestChannel channel = front.Bind(remotePort);
        if (channel.Domain != self)
        {
            throw new XenException($"binding port {remotePort}", XenErrno.EINVAL);
        }

        Interlocked.Increment(ref _channels);
        return new Channel(this, channel);
    }

    public IEventChannel AllocateUnbound(ushort remoteDomain) => throw new NotSupportedException("back ends bind to ports");

    public IEventChannel Adopt(uint port) => throw new NotSupportedException("back ends bind to ports");

    private GrantResult TryMap(uint reference, out TestMapping? mapping)
    {
        mapping = null;
        if (Refusal(reference) is { } refused)
        {
            return refused;
        }

        try
        {
            mapping = front.Map(reference, self);
            return GrantResult.Okay;
        }
        catch (XenException)
        {
            return GrantResult.BadReference;
        }
    }

    private GrantResult Reach(GrantCopy copy, out TestMapping? mapping) => Reach(copy.Reference, copy.Offset, copy.Length, out mapping);

    private GrantResult Reach(uint reference, int offset, int length, out TestMapping? mapping)
    {
        lock (_lock)
        {
            Copies++;
        }

        mapping = null;
        return length <= 0 || offset < 0 || offset > ISharedPage.Size - length
            ? GrantResult.BadCopyArgument
            : TryMap(reference, out mapping);
    }

    private sealed class Page(BackEndMachine machine, TestMapping mapping, ushort domain, uint reference) : IForeignPage
    {
        private bool _isDisposed;

        public ushort Domain => domain;

        public uint Reference => reference;

        public bool IsReadOnly => false;

        public Span<byte> Span => Memory.Span;

        public Memory<byte> Memory
        {
            get
            {
                ObjectDisposedException.ThrowIf(_isDisposed, this);
                return mapping.Bytes;
            }
        }

        public void Dispose()
        {
            Assert.False(_isDisposed, "a page is unmapped twice");
            _isDisposed = true;
            mapping.Dispose();
            machine._pages.TryRemove(this, out _);
            Interlocked.Decrement(ref machine._mapped);
        }
    }

    private sealed class Channel(BackEndMachine machine, TestChannel channel) : IEventChannel
    {
        private readonly CancellationTokenSource _closed = new();
        private int _spurious;

        public uint Port => channel.Port + 1000;

        public void Notify()
        {
            machine.Notifying();
            ObjectDisposedException.ThrowIf(_closed.IsCancellationRequested, this);
            channel.NotifyFront();
        }

        public async ValueTask WaitAsync(CancellationToken cancellationToken = default)
        {
            using CancellationTokenSource both = CancellationTokenSource.CreateLinkedTokenSource(_closed.Token, cancellationToken);
            await channel.WaitForFrontAsync(both.Token);
        }

        public bool ReportSpurious() => ++_spurious > 8;

        public void Dispose()
        {
            if (!_closed.IsCancellationRequested)
            {
                _closed.Cancel();
                Interlocked.Decrement(ref machine._channels);
            }
        }
    }
}
