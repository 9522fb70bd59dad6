using Xenlet.Kernel.Nucleus.Linux.Sockets;
using Xenlet.Kernel.Sockets;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Tests.Sockets;

/// <summary>A program with sockets on one thread, and the stack that serves them on another, which this test plays.</summary>
public abstract unsafe class SocketTest : NucleusTest
{
    protected const ulong Stream = 1;
    protected const ulong Datagram = 2;
    protected const ulong NonBlocking = 0x800;
    protected const uint In = 1;
    protected const uint Out = 4;
    protected const uint Error = 8;
    protected const uint HangUp = 16;
    protected const uint PeerHangUp = 0x2000;

    private readonly ulong _stackMemory;

    private protected SocketTest(bool hasStack, ulong frames = DefaultFrames)
        : base(frames)
    {
        Memory = Allocate(20);
        _stackMemory = Allocate(20);
        Program = Current;
        Stack = Spawn();
        if (hasStack)
        {
            Assert.Equal(0, Call(NucleusCall.OpenStack));
        }
    }

    /// <summary>The program's memory.</summary>
    protected ulong Memory { get; }

    private protected Thread* Program { get; }

    private protected Thread* Stack { get; }

    /// <summary>A socket of IPv4.</summary>
    protected static ulong Open(ulong kind, ulong flags = 0)
    {
        long descriptor = Call(SystemCallNumber.Socket, 2, kind | flags, 0);
        Assert.True(descriptor >= 0, $"socket returned {descriptor}");
        return (ulong)descriptor;
    }

    /// <summary>Puts a sockaddr_in into memory: family 2, the port's and the address's bytes in the order of the wire.</summary>
    protected static ulong Address(byte last, ushort port) => Store([2, 0, (byte)(port >> 8), (byte)port, 10, 0, 0, last, .. new byte[8]]);

    private protected static EndpointRecord Endpoint(byte last, ushort port) => EndpointRecord.FromIPv4(0x0a00_0000u | last, port);

    /// <summary>Makes a call of the program that waits for the stack, lets the stack answer, and gives the call's result.</summary>
    protected long CallAndAnswer(Action<RequestView> answer, int number, params ulong[] arguments)
    {
        Assert.True(Program == Park(number, arguments));
        Assert.True(Stack == Current, "the stack's thread does not run");
        RequestView request = Assert.Single(TakeRequests());
        answer(request);
        LetProgramRun();
        return (long)Program->Frame.Rax;
    }

    /// <summary>Binds a socket, as the stack allows it.</summary>
    protected ulong OpenBound(ulong kind, byte last, ushort port, ulong flags = 0)
    {
        ulong descriptor = Open(kind, flags);
        Assert.Equal(
            0,
            CallAndAnswer(
                request =>
                {
                    SetEndpoint(request.Handle, last, port, isRemote: false);
                    Complete(request.Handle, 0);
                },
                SystemCallNumber.Bind, descriptor, Address(last, port), 16));
        return descriptor;
    }

    /// <summary>A connected stream, whose connection the stack has made.</summary>
    protected ulong OpenConnected(out ulong handle, ulong flags = 0)
    {
        ulong descriptor = Open(Stream, flags | NonBlocking);
        Assert.Equal(-Errno.EINPROGRESS, Call(SystemCallNumber.Connect, descriptor, Address(9, 80), 16));
        handle = 0;
        foreach (RequestView request in AsStack(TakeRequests))
        {
            handle = request.Handle;
        }

        ulong connected = handle;
        AsStack(() =>
        {
            SetEndpoint(connected, 2, 40_000, isRemote: false);
            SetEndpoint(connected, 9, 80, isRemote: true);
            Complete(connected, 0);
        });
        return descriptor;
    }

    /// <summary>Lets the stack's thread run for a moment.</summary>
    protected void AsStack(Action act) => AsStack(() =>
    {
        act();
        return 0;
    });

    private protected T AsStack<T>(Func<T> act)
    {
        Assert.True(Program == Current, "the program does not run");
        if (Enter(NucleusCall.WakeStack) != &Stack->Frame)
        {
            _ = Enter(SystemCallNumber.SchedYield);
        }

        Assert.True(Stack == Current, "the stack's thread does not run");
        T result = act();
        LetProgramRun();
        return result;
    }

    /// <summary>Requests as the stack takes them, without waiting.</summary>
    protected IReadOnlyList<RequestView> TakeRequests()
    {
        long count = Call(NucleusCall.WaitForSockets, _stackMemory, 16, 0);
        Assert.True(count >= 0, $"the wait returned {count}");
        return
        [
            .. Enumerable.Range(0, (int)count).Select(i =>
            {
                RequestRecord* record = (RequestRecord*)_stackMemory + i;
                return new RequestView(
                    record->Handle, record->Signals, record->Call, record->Argument, record->Endpoint.Port, record->Written);
            }),
        ];
    }

    protected void SetEndpoint(ulong handle, byte last, ushort port, bool isRemote)
    {
        *(EndpointRecord*)_stackMemory = Endpoint(last, port);
        Assert.Equal(0, Call(NucleusCall.SetSocketEndpoint, handle, _stackMemory, isRemote ? 1u : 0));
    }

    protected static ulong Handle(ulong descriptor) => Nucleus.Linux.Files.FileTable.Get((int)descriptor)->Socket->Handle;

    private protected void SetEndpoint(ulong handle, EndpointRecord local)
    {
        *(EndpointRecord*)_stackMemory = local;
        Assert.Equal(0, Call(NucleusCall.SetSocketEndpoint, handle, _stackMemory, 0));
    }

    protected static void Complete(ulong handle, long error) =>
        Assert.Equal(0, Call(NucleusCall.CompleteSocketCall, handle, (ulong)error));

    /// <summary>The stack receives bytes for a stream.</summary>
    protected long WriteReceived(ulong handle, int offset, ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(new Span<byte>((void*)_stackMemory, bytes.Length));
        return Call(NucleusCall.WriteReceived, handle, (ulong)offset, _stackMemory, (ulong)bytes.Length);
    }

    /// <summary>The stack receives the next bytes of a stream.</summary>
    protected long Append(ulong handle, ReadOnlySpan<byte> bytes, ulong released = 0)
    {
        bytes.CopyTo(new Span<byte>((void*)_stackMemory, bytes.Length));
        return Call(NucleusCall.AppendReceived, handle, _stackMemory, (ulong)bytes.Length, released);
    }

    protected long Deliver(ulong handle, byte last, ushort port, ReadOnlySpan<byte> bytes) => Deliver(handle, Endpoint(last, port), bytes);

    private protected long Deliver(ulong handle, EndpointRecord remote, ReadOnlySpan<byte> bytes)
    {
        *(DatagramRecord*)_stackMemory = new DatagramRecord { Remote = remote, Local = Endpoint(1, 0), InterfaceIndex = 3 };
        ulong payload = _stackMemory + 4096;
        bytes.CopyTo(new Span<byte>((void*)payload, bytes.Length));
        return Call(NucleusCall.DeliverDatagram, handle, _stackMemory, payload, (ulong)bytes.Length);
    }

    /// <summary>The next datagram to send: its destination's port and its bytes.</summary>
    protected (ushort Port, byte[] Bytes)? TakeDatagram(ulong handle)
    {
        long length = Call(NucleusCall.TakeDatagram, handle, _stackMemory, _stackMemory + 4096, 16 * 4096);
        return length < 0 ? null : (((DatagramRecord*)_stackMemory)->Remote.Port, Load(_stackMemory + 4096, (int)length));
    }

    /// <summary>Of the next datagram to send, the interface and the address of IPv4 that the program has chosen.</summary>
    protected (int Interface, uint Address) TakeSource(ulong handle)
    {
        Assert.True(Call(NucleusCall.TakeDatagram, handle, _stackMemory, _stackMemory + 4096, 16 * 4096) >= 0, "there is no datagram");
        DatagramRecord* record = (DatagramRecord*)_stackMemory;
        return (record->InterfaceIndex, record->Local.IPv4);
    }

    /// <summary>The bytes of a stream that the stack has to send, from an offset on.</summary>
    protected byte[] CopySent(ulong handle, int offset)
    {
        long length = Call(NucleusCall.SocketLength, handle, (ulong)NucleusCallSockets.Length.Sent);
        ulong count = (ulong)(length - offset);
        Assert.Equal(0, Call(NucleusCall.CopySent, handle, (ulong)offset, _stackMemory, count));
        return Load(_stackMemory, (int)count);
    }

    /// <summary>The stack offers a connection, and gives the new socket's handle.</summary>
    protected long Offer(ulong listener)
    {
        ((EndpointRecord*)_stackMemory)[0] = Endpoint(1, 80);
        ((EndpointRecord*)_stackMemory)[1] = Endpoint(7, 1234);
        return Call(NucleusCall.OfferSocket, listener, _stackMemory);
    }

    /// <summary>What poll says of a descriptor.</summary>
    protected uint Poll(ulong descriptor)
    {
        ((pollfd*)Memory)[0] = new pollfd { fd = (int)descriptor, events = unchecked((short)(In | Out | PeerHangUp)) };
        _ = Call(SystemCallNumber.Poll, Memory, 1, 0);
        return (ushort)((pollfd*)Memory)->revents;
    }

    protected long GetOption(ulong descriptor, ulong level, ulong name)
    {
        *(int*)Memory = 4;
        long error = Call(SystemCallNumber.Getsockopt, descriptor, level, name, Memory + 8, Memory);
        return error < 0 ? error : *(int*)(Memory + 8);
    }

    protected long SetOption(ulong descriptor, ulong level, ulong name, params int[] words)
    {
        words.CopyTo(new Span<int>((void*)Memory, words.Length));
        return Call(SystemCallNumber.Setsockopt, descriptor, level, name, Memory, (ulong)(words.Length * 4));
    }

    /// <summary>The stack waits for what comes, and the program goes on.</summary>
    protected void LetProgramRun()
    {
        while (Enter(NucleusCall.WaitForSockets, _stackMemory, 16, ulong.MaxValue) == &Stack->Frame)
        {
            // What it was told and did not look at.
        }

        Assert.True(Program == Current, "the program does not go on");
    }

    /// <summary>A request, as a test looks at it.</summary>
    protected sealed record RequestView(ulong Handle, SocketSignals Signals, SocketCall Call, int Argument, ushort Port, uint Written);
}
