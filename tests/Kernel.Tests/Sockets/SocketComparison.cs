using System.Globalization;
using System.Runtime.InteropServices;
using Xenlet.Kernel.Tests.Files;

namespace Xenlet.Kernel.Tests.Sockets;

/// <summary>What happens to the descriptors of both systems.</summary>
internal enum SocketAct
{
    MakeSet,
    MakeCounter,
    MakeListener,
    MakeStream,
    MakeDatagram,

    /// <summary>A connection over the loopback: its two ends.</summary>
    MakePair,

    /// <summary>Two sockets of datagrams that are connected to each other.</summary>
    MakeDatagramPair,
    Connect,
    Accept,
    Shutdown,

    /// <summary>The last close resets (SO_LINGER of no time).</summary>
    Harden,
    Duplicate,
    DuplicateTo,
    Close,
    Write,
    Read,
    TakeError,
    Add,
    Change,
    Delete,
    Wait,
}

/// <summary>
/// The nucleus with its stack, and the host's Linux, which are given the same calls. After each, both come to rest: what Linux's scheduler
/// has not yet done of a call shows in what <c>poll</c> and <c>FIONREAD</c> say, so the comparison waits until these are equal.
/// </summary>
internal sealed unsafe class SocketComparison(Func<int, ulong[], long> nucleus, Action settle)
{
    // asm-generic/socket.h, linux/net.h, asm-generic/ioctls.h
    private const int Stream = 1;
    private const int Datagram = 2;
    private const int NonBlocking = 0x800;
    private const int SolSocket = 1;
    private const int SoError = 4;
    private const int SoLinger = 13;
    private const int FionRead = 0x541B;

    // linux/tcp.h
    private const int Tcp = 6;
    private const int TcpNoDelay = 1;

    // linux/eventpoll.h
    private const uint In = 1;
    private const uint Out = 4;
    private const uint PeerHangUp = 0x2000;

    private const uint EdgeTriggered = 1u << 31;

    /// <summary>EPOLLOUT, EPOLLWRNORM and EPOLLWRBAND.</summary>
    private const uint Writable = Out | 0x300;

    /// <summary>All that poll knows.</summary>
    private const short EveryEvent = 0x23c7;

    /// <summary>Linux's descriptors are the nucleus's plus this, so that the same numbers are used again.</summary>
    private const int HostOffset = 900;

    private const int First = 3;
    private const int Numbers = 160;
    private const int Backlog = 4;

    /// <summary>Nobody listens there.</summary>
    private const ushort ShutPort = 1;

    /// <summary>Where the machine has stood still, time alone says nothing.</summary>
    private const int FewestLooks = 500;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(1);

    private static readonly uint[] s_wanted = [In, Out, In | Out, 0, In | PeerHangUp, In | Out | PeerHangUp, 0x140];

    private readonly ulong _memory = (ulong)MemoryCalls.Map(0, Pages.Size, 3, 0x22, -1);
    private readonly Kind[] _kinds = new Kind[Numbers + First];

    /// <summary>
    /// The sets that may hold both ends of a stream that was shut down, in either order: Linux's loopback tells the peer before the call
    /// returns, a network (and the nucleus's stack, which has a thread of its own) after it.
    /// </summary>
    private readonly bool[] _isOrderOpen = new bool[Numbers + First];

    private readonly List<string> _trace = [];

    /// <summary>Below the ports that Linux and the stack choose by themselves.</summary>
    private ushort _lastPort = 20_000;

    private enum Kind
    {
        None,
        Set,
        Counter,
        Listener,
        Stream,
        Datagram,
    }

    public static void CloseHost()
    {
        for (int number = 0; number < Numbers; number++)
        {
            _ = LinuxCalls.Close(HostOffset + number);
        }
    }

    public void Step(SocketAct act, int first, int second, uint bits)
    {
        // Sets are few, and what concerns them mostly means one; the rest mostly means what is there, and sometimes a number that is free.
        bool isOfSet = act is SocketAct.Add or SocketAct.Change or SocketAct.Delete or SocketAct.Wait;
        bool isWild = (bits & 0x38) == 0;
        int one = Choose(first, isWild, kind => (kind == Kind.Set) == isOfSet);
        int other = Choose(second, isWild, kind => kind != Kind.Set);
        _trace.Add(string.Create(CultureInfo.InvariantCulture, $"{act} {one} {other} {bits:x}"));
        Assert.Equal(0, ProgramMemory.PrepareWrite(_memory, Pages.Size));
        Do(act, one, other, bits);
        settle();
        ComeToRest();
    }

    /// <summary>One of the numbers that are in use for something, or any.</summary>
    private int Choose(int which, bool isWild, Func<Kind, bool> fits)
    {
        int[] fitting = isWild ? [] :
            [.. Enumerable.Range(First, Numbers).Where(number => _kinds[number] != Kind.None && fits(_kinds[number]))];
        return fitting.Length == 0 ? First + which : fitting[which % fitting.Length];
    }

    private void Do(SocketAct act, int one, int other, uint bits)
    {
        switch (act)
        {
            case SocketAct.MakeSet:
                Take(Kind.Set, Call(SystemCallNumber.EpollCreate1, 0), LinuxCalls.EpollCreate(0));
                break;
            case SocketAct.MakeCounter:
                Take(Kind.Counter, Call(SystemCallNumber.Eventfd2, 0, NonBlocking), LinuxCalls.Eventfd(0, NonBlocking));
                break;
            case SocketAct.MakeListener:
                MakeListener();
                break;
            case SocketAct.MakeStream:
                MakeSocket(Kind.Stream);
                break;
            case SocketAct.MakeDatagram:
                Bind(MakeSocket(Kind.Datagram));
                break;
            case SocketAct.MakePair:
                int listener = MakeListener();
                int client = MakeSocket(Kind.Stream);
                Connect(client, listener);
                settle();
                ComeToRest();
                Accept(listener);
                Close(listener);
                break;
            case SocketAct.MakeDatagramPair:
                int first = MakeSocket(Kind.Datagram);
                Bind(first);
                int second = MakeSocket(Kind.Datagram);
                Bind(second);
                Connect(first, second);
                Connect(second, first);
                break;
            case SocketAct.Connect:
                Connect(one, other);
                break;
            case SocketAct.Accept:
                Accept(one);
                break;
            case SocketAct.Shutdown:
                int how = (int)(bits % 3);
                Same(Call(SystemCallNumber.Shutdown, (ulong)one, (ulong)how), LinuxCalls.Shutdown(HostOffset + one, how));
                Array.Fill(_isOrderOpen, true);
                break;
            case SocketAct.Harden:
                ((int*)_memory)[0] = 1;
                ((int*)_memory)[1] = 0;
                Same(
                    Call(SystemCallNumber.Setsockopt, (ulong)one, SolSocket, SoLinger, _memory, 8),
                    LinuxCalls.SetSocketOption(HostOffset + one, SolSocket, SoLinger, (void*)_memory, 8));
                break;
            case SocketAct.Duplicate:
                long copy = Call(SystemCallNumber.Dup, (ulong)one);
                if (copy >= 0)
                {
                    Assert.Equal(HostOffset + copy, LinuxCalls.Duplicate(HostOffset + one, HostOffset + (int)copy, 0));
                    _kinds[copy] = _kinds[one];
                    _isOrderOpen[copy] = _isOrderOpen[one];
                }
                else
                {
                    Assert.Equal(Kind.None, _kinds[one]);
                }

                break;
            case SocketAct.DuplicateTo:
                long mine = Call(SystemCallNumber.Dup3, (ulong)one, (ulong)other, 0);
                long theirs = LinuxCalls.Result(LinuxCalls.Duplicate(HostOffset + one, HostOffset + other, 0));
                Assert.Equal(theirs < 0 ? theirs : theirs - HostOffset, mine);
                if (mine >= 0)
                {
                    _kinds[other] = _kinds[one];
                    _isOrderOpen[other] = _isOrderOpen[one];
                }

                break;
            case SocketAct.Close:
                Close(one);
                break;
            case SocketAct.Write:
                *(ulong*)_memory = 1;
                ulong length = _kinds[one] == Kind.Counter ? 8 : 1 + (bits & 7);
                Same(
                    Call(SystemCallNumber.Write, (ulong)one, _memory, length),
                    LinuxCalls.Write(HostOffset + one, (void*)_memory, (nuint)length));
                break;
            case SocketAct.Read:
                ulong room = _kinds[one] == Kind.Counter ? 8 : 1 + (bits & 15);
                Same(
                    Call(SystemCallNumber.Read, (ulong)one, _memory, room),
                    LinuxCalls.Read(HostOffset + one, (void*)_memory, (nuint)room));
                break;
            case SocketAct.TakeError:
                TakeError(one);
                break;
            case SocketAct.Add:
            case SocketAct.Change:
            case SocketAct.Delete:
                ControlSet(act, one, other, bits);
                break;
            default:
                Wait(one, 1 + (int)(bits % 9));
                break;
        }
    }

    private int MakeListener()
    {
        int number = MakeSocket(Kind.Listener);
        Bind(number);
        Same(Call(SystemCallNumber.Listen, (ulong)number, Backlog), LinuxCalls.Listen(HostOffset + number, Backlog));
        return number;
    }

    private int MakeSocket(Kind kind)
    {
        int type = (kind == Kind.Datagram ? Datagram : Stream) | NonBlocking;
        int number = Take(kind, Call(SystemCallNumber.Socket, 2, (ulong)type, 0), LinuxCalls.Socket(2, type, 0));
        if (kind != Kind.Datagram)
        {
            // A small segment would wait for the acknowledgment of another, for 40 ms here and in Linux, and no timer ends a wait here.
            *(int*)_memory = 1;
            Same(
                Call(SystemCallNumber.Setsockopt, (ulong)number, Tcp, TcpNoDelay, _memory, sizeof(int)),
                LinuxCalls.SetSocketOption(HostOffset + number, Tcp, TcpNoDelay, (void*)_memory, sizeof(int)));
        }

        return number;
    }

    private void Bind(int number)
    {
        // A port of its own: one that either side chose might be that of a socket that was closed, to which a peer still sends.
        long theirs;
        do
        {
            WriteLoopback(++_lastPort);
            theirs = LinuxCalls.Result(LinuxCalls.Bind(HostOffset + number, (void*)_memory, 16));
        }
        while (theirs == -Errno.EADDRINUSE);

        long mine = Call(SystemCallNumber.Bind, (ulong)number, _memory, 16);
        Assert.True(mine == theirs, Difference("bind", mine, theirs));
    }

    /// <summary>Connects a stream to a listener and datagrams to datagrams, or else to nobody.</summary>
    private void Connect(int one, int other)
    {
        bool isKnown = (_kinds[one], _kinds[other]) is (Kind.Stream, Kind.Listener) or (Kind.Datagram, Kind.Datagram);
        WriteLoopback(isKnown ? PortOf(other, isHost: false) : ShutPort);
        long mine = Call(SystemCallNumber.Connect, (ulong)one, _memory, 16);
        WriteLoopback(isKnown ? PortOf(other, isHost: true) : ShutPort);
        Same(mine, LinuxCalls.Connect(HostOffset + one, (void*)_memory, 16));
    }

    private void Accept(int one)
    {
        long mine = Call(SystemCallNumber.Accept4, (ulong)one, 0, 0, NonBlocking);
        long theirs = LinuxCalls.Result(LinuxCalls.Accept(HostOffset + one, null, null, NonBlocking));
        if (mine >= 0 && theirs >= 0)
        {
            Take(Kind.Stream, mine, (int)theirs);
        }
        else
        {
            Assert.True(mine == theirs, Difference("accept", mine, theirs));
        }
    }

    private void Close(int one)
    {
        Same(Call(SystemCallNumber.Close, (ulong)one), LinuxCalls.Close(HostOffset + one));
        _kinds[one] = Kind.None;
    }

    private void TakeError(int one)
    {
        ((uint*)_memory)[0] = 4;
        long mine = Call(SystemCallNumber.Getsockopt, (ulong)one, SolSocket, SoError, _memory + 8, _memory);
        int error = ((int*)_memory)[2];
        int hostError = 0;
        uint length = 4;
        Same(mine, LinuxCalls.GetSocketOption(HostOffset + one, SolSocket, SoError, &hostError, &length));
        Assert.True(mine != 0 || error == hostError, Difference("SO_ERROR", error, hostError));
    }

    private void ControlSet(SocketAct act, int one, int other, uint bits)
    {
        ulong operation = act == SocketAct.Add ? 1u : act == SocketAct.Delete ? 2u : 3u;

        // EPOLLET and EPOLLONESHOT from the upper bits.
        *(uint*)_memory = s_wanted[bits % (uint)s_wanted.Length] | (bits & 0x300) << 22;
        if (_kinds[other] == Kind.Datagram && (*(uint*)_memory & EdgeTriggered) != 0)
        {
            // Linux tells of room whenever a datagram has left, which depends on the driver; the nucleus when a writer has found none.
            *(uint*)_memory &= ~Writable;
        }

        *(ulong*)(_memory + 4) = bits * 1_000_003ul + (ulong)_trace.Count;
        if (_kinds[other] == Kind.Set)
        {
            // Sets of sets are EventPollTests' matter.
            return;
        }

        long mine = Call(SystemCallNumber.EpollCtl, (ulong)one, operation, (ulong)other, _memory);
        Same(mine, LinuxCalls.EpollControl(HostOffset + one, (int)operation, HostOffset + other, (void*)_memory));
    }

    private void Wait(int one, int most)
    {
        most = _isOrderOpen[one] ? Numbers : most;
        byte* events = stackalloc byte[most * 12];
        long mine = Call(SystemCallNumber.EpollWait, (ulong)one, _memory, (ulong)most, 0);
        long theirs = LinuxCalls.Result(LinuxCalls.EpollWait(HostOffset + one, events, most, 0));
        string here = Show((byte*)_memory, mine, _isOrderOpen[one]);
        string there = Show(events, theirs, _isOrderOpen[one]);
        Assert.True(here == there, Difference("epoll_wait", here, there));
        _isOrderOpen[one] &= mine != 0;

        static string Show(byte* events, long count, bool isOrderOpen)
        {
            if (count < 0)
            {
                return count.ToString(CultureInfo.InvariantCulture);
            }

            string[] all = [.. Enumerable.Range(0, (int)count).Select(i => ShowEvent(events + (i * 12)))];
            if (isOrderOpen)
            {
                Array.Sort(all, StringComparer.Ordinal);
            }

            return string.Join(' ', all);
        }

        static string ShowEvent(byte* each) => $"{*(uint*)each:x}:{*(ulong*)(each + 4)}";
    }

    private void ComeToRest()
    {
        long limit = Environment.TickCount64 + (long)s_patience.TotalMilliseconds;
        string? difference;
        for (int looks = 1; (difference = FindDifference()) is not null; looks++)
        {
            Assert.True(Environment.TickCount64 < limit || looks < FewestLooks, difference);
            System.Threading.Thread.Sleep(1);
        }
    }

    /// <summary>What poll and FIONREAD say otherwise.</summary>
    private string? FindDifference()
    {
        for (int number = First; number < _kinds.Length; number++)
        {
            if (_kinds[number] is Kind.None or Kind.Set)
            {
                continue;
            }

            *(pollfd*)_memory = new pollfd { fd = number, events = EveryEvent };
            _ = Call(SystemCallNumber.Poll, _memory, 1, 0);
            ushort mine = (ushort)((pollfd*)_memory)->revents;
            pollfd entry = new() { fd = HostOffset + number, events = EveryEvent };
            _ = LinuxCalls.Poll(&entry, 1, 0);
            if (mine != (ushort)entry.revents)
            {
                return Difference($"poll of {number}, a {_kinds[number]}", $"{mine:x}", $"{entry.revents:x}");
            }

            if (_kinds[number] is Kind.Stream)
            {
                if (AwaitsAcknowledgment(number))
                {
                    return Difference($"the end of {number}", "all of it", "no acknowledgment yet");
                }

                int count = 0;
                long theirs = LinuxCalls.Result(LinuxCalls.Control(HostOffset + number, FionRead, &count));
                long answer = Call(SystemCallNumber.Ioctl, (ulong)number, FionRead, _memory);
                if (answer != theirs || (answer == 0 && *(int*)_memory != count))
                {
                    return Difference($"FIONREAD of {number}", $"{answer} {*(int*)_memory}", $"{theirs} {count}");
                }
            }
        }

        return null;
    }

    /// <summary>
    /// Whether the peer, which delays it, has yet to acknowledge the FIN of Linux's socket: Linux tells then once more what it told.
    /// </summary>
    private static bool AwaitsAcknowledgment(int number)
    {
        // linux/tcp.h (tcp_info begins with the state), net/tcp_states.h
        const int tcpInfo = 11;
        const byte finWait1 = 4;
        const byte lastAck = 9;
        const byte closing = 11;
        byte state = 0;
        uint length = 1;
        return LinuxCalls.GetSocketOption(HostOffset + number, Tcp, tcpInfo, &state, &length) == 0
            && state is finWait1 or lastAck or closing;
    }

    private ushort PortOf(int number, bool isHost)
    {
        uint length = 16;
        byte* address = stackalloc byte[16];
        if (isHost)
        {
            Assert.Equal(0, LinuxCalls.GetSocketName(HostOffset + number, address, &length));
            return (ushort)((address[2] << 8) | address[3]);
        }

        *(uint*)_memory = 16;
        Assert.Equal(0, Call(SystemCallNumber.Getsockname, (ulong)number, _memory + 16, _memory));
        byte* mine = (byte*)_memory + 16;
        return (ushort)((mine[2] << 8) | mine[3]);
    }

    /// <summary>Writes a sockaddr_in of 127.0.0.1.</summary>
    private void WriteLoopback(ushort port) =>
        ((ReadOnlySpan<byte>)[2, 0, (byte)(port >> 8), (byte)port, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0])
            .CopyTo(new Span<byte>((void*)_memory, 16));

    /// <summary>Gives Linux's new descriptor the number of the nucleus's.</summary>
    private int Take(Kind kind, long mine, int theirs)
    {
        Assert.True(mine is >= First and < Numbers && theirs >= 0, $"descriptors {mine} and {theirs}");
        Assert.Equal(HostOffset + (int)mine, LinuxCalls.Duplicate(theirs, HostOffset + (int)mine, 0));
        Assert.Equal(0, LinuxCalls.Close(theirs));
        _kinds[mine] = kind;
        _isOrderOpen[mine] = false;
        return (int)mine;
    }

    private long Call(int number, params ulong[] arguments) => nucleus(number, arguments);

    private void Same(long mine, long host)
    {
        long theirs = host < 0 ? -Marshal.GetLastPInvokeError() : host;
        Assert.True(mine == theirs, Difference("the call", mine, theirs));
    }

    private string Difference(string what, object mine, object theirs) =>
        $"{what}: the nucleus has {mine}, Linux {theirs}, after\n{string.Join('\n', _trace)}";
}
