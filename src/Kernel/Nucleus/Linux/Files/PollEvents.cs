namespace Xenlet.Kernel.Nucleus.Linux.Files;

/// <summary>Conditions of a file, as poll and epoll report them (asm-generic/poll.h, linux/eventpoll.h: the same numbers).</summary>
internal static class PollEvents
{
    public const uint EPOLLIN = 1;
    public const uint EPOLLPRI = 2;
    public const uint EPOLLOUT = 4;
    public const uint EPOLLERR = 8;
    public const uint EPOLLHUP = 0x10;
    public const uint POLLNVAL = 0x20;
    public const uint EPOLLRDNORM = 0x40;
    public const uint EPOLLRDBAND = 0x80;
    public const uint EPOLLWRNORM = 0x100;
    public const uint EPOLLWRBAND = 0x200;
    public const uint EPOLLRDHUP = 0x2000;
    public const uint EPOLLEXCLUSIVE = 1 << 28;
    public const uint EPOLLWAKEUP = 1 << 29;
    public const uint EPOLLONESHOT = 1 << 30;
    public const uint EPOLLET = 1u << 31;

    /// <summary>There is something to read.</summary>
    public const uint Readable = EPOLLIN | EPOLLRDNORM;

    /// <summary>What a socket tells when something has come, urgent or not (Linux's sock_def_readable).</summary>
    public const uint Arrival = Readable | EPOLLPRI | EPOLLRDBAND;

    /// <summary>There is room to write.</summary>
    public const uint Writable = EPOLLOUT | EPOLLWRNORM;

    /// <summary>Conditions that are reported whether they are asked for or not.</summary>
    public const uint Always = EPOLLERR | EPOLLHUP;

    /// <summary>How a member of an epoll set is treated, rather than what it waits for.</summary>
    public const uint Private = EPOLLEXCLUSIVE | EPOLLWAKEUP | EPOLLONESHOT | EPOLLET;
}
