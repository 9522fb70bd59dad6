using Xenlet.Kernel.Nucleus.Linux.Sockets;
using Xenlet.Kernel.Sockets;
using Xenlet.Sockets;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Tests.Sockets;

/// <summary>
/// A program on the nucleus with the product's own TCP/IP stack, which has its loopback alone. The stack's thread is one of the host's too:
/// it and the test's take turns, as the nucleus has their threads do. Its timers end no wait: what is due is done at the next request.
/// </summary>
public abstract unsafe class RealStackTest() : NucleusTest(MemoryFrames)
{
    private protected const ulong MemoryFrames = 4096;

    /// <summary>The stack with its thread.</summary>
    private protected sealed class RealStack : IDisposable
    {
        private const ulong RecordPages = 4;
        private const ulong PayloadPages = 16;

        private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(2);

        private readonly Thread* _program = Current;
        private readonly Thread* _thread = Spawn();
        private readonly ulong _records = Allocate(RecordPages);
        private readonly ulong _payload = Allocate(PayloadPages);
        private readonly SemaphoreSlim _stackTurn = new(0);
        private readonly SemaphoreSlim _programTurn = new(0);
        private readonly SocketStack _stack;
        private readonly int _programThread = Environment.CurrentManagedThreadId;
        private bool _hasBegun;
        private bool _isOver;

        public RealStack()
        {
            Assert.Equal(0, Call(NucleusCall.OpenStack));
            NucleusSystemCall.NucleusOfStack = Invoke;
            _stack = new SocketStack(new SocketHost(new XenEventChannels(TimeProvider.System)), new() { Report = text => Said.Add(text) });
            _stack.Start();
            Settle();
        }

        /// <summary>Whether the stack's next wait fails in a way that no stack survives.</summary>
        public bool Fails { get; set; }

        /// <summary>What the stack has said of exceptions.</summary>
        public List<string> Said { get; } = [];

        /// <summary>Makes a call of the program, which may wait for the stack, and gives its result.</summary>
        public long Call(int number, params ulong[] arguments)
        {
            Assert.True(Current == _program, "the program does not run");
            Resume(Enter(number, arguments));
            return (long)_program->Frame.Rax;
        }

        /// <summary>Lets the stack do all that there is to do.</summary>
        public void Settle()
        {
            Frame* resumed;
            while ((resumed = Enter(SystemCallNumber.SchedYield)) != &_program->Frame)
            {
                Resume(resumed);
            }
        }

        public void Dispose()
        {
            _isOver = true;
            _stackTurn.Release();
            _stack.Dispose();
            NucleusSystemCall.NucleusOfStack = null;
            _stackTurn.Dispose();
            _programTurn.Dispose();
        }

        /// <summary>Lets the stack's thread run until the nucleus has the program go on.</summary>
        private void Resume(Frame* resumed)
        {
            if (resumed != &_program->Frame)
            {
                Assert.True(resumed == &_thread->Frame, "neither the program nor the stack can go on");
                _stackTurn.Release();
                Assert.True(_programTurn.Wait(s_patience), "the stack does not wait for anything");
            }
        }

        /// <summary>A call of the stack's.</summary>
        private long Invoke(int number, ulong a1, ulong a2, ulong a3, ulong a4)
        {
            if (_isOver)
            {
                return 0;
            }

            if (Environment.CurrentManagedThreadId == _programThread)
            {
                return Call(number, a1, a2, a3, a4);
            }

            if (!_hasBegun)
            {
                _hasBegun = true;
                _stackTurn.Wait();
            }

            if (_isOver)
            {
                return 0;
            }

            if (Fails && number == NucleusCall.WaitForSockets)
            {
                return -Errno.EFAULT;
            }

            if (number == NucleusCall.CloseStack)
            {
                // Its thread has nothing more to do.
                _isOver = true;
                Assert.True(Enter(number) == &_thread->Frame);
                Assert.True(Enter(SystemCallNumber.Exit, 0) == &_program->Frame, "the program does not go on");
                _programTurn.Release();
                return 0;
            }

            // The nucleus takes memory of the program alone.
            (ulong record, ulong recordSize, ulong payload, ulong payloadSize, bool isOut) = number switch
            {
                NucleusCall.WaitForSockets => (a1, a2 * (ulong)sizeof(RequestRecord), 0ul, 0ul, true),
                NucleusCall.SetSocketEndpoint => (a2, (ulong)sizeof(EndpointRecord), 0ul, 0ul, false),
                NucleusCall.ReadSocketOptions => (a2, (ulong)sizeof(SocketOptionValues), 0ul, 0ul, true),
                NucleusCall.OfferSocket => (a2, 2 * (ulong)sizeof(EndpointRecord), 0ul, 0ul, false),
                NucleusCall.CopySent => (0ul, 0ul, a3, a4, true),
                NucleusCall.WriteReceived => (0ul, 0ul, a3, a4, false),
                NucleusCall.AppendReceived => (0ul, 0ul, a2, a3, false),
                NucleusCall.DeliverDatagram => (a2, (ulong)sizeof(DatagramRecord), a3, a4, false),
                NucleusCall.TakeDatagram => (a2, (ulong)sizeof(DatagramRecord), a3, a4, true),
                _ => default,
            };
            Assert.True(recordSize <= RecordPages * Pages.Size && payloadSize <= PayloadPages * Pages.Size);
            if (!isOut)
            {
                Copy(record, _records, recordSize);
                Copy(payload, _payload, payloadSize);
            }

            Now = (ulong)System.Diagnostics.Stopwatch.GetTimestamp();
            Frame* resumed = Enter(number, Moved(a1), Moved(a2), Moved(a3), a4);
            if (resumed != &_thread->Frame)
            {
                _programTurn.Release();
                _stackTurn.Wait();
            }

            if (_isOver)
            {
                return 0;
            }

            if (isOut)
            {
                Copy(_records, record, recordSize);
                Copy(_payload, payload, payloadSize);
            }

            return (long)_thread->Frame.Rax;

            ulong Moved(ulong argument) => argument == 0 ? 0
                : argument == record ? _records
                : argument == payload ? _payload
                : argument;
        }

        private static void Copy(ulong from, ulong to, ulong count) => Buffer.MemoryCopy((void*)from, (void*)to, count, count);
    }
}
