using Xenlet.QemuXen.Machine;

namespace Xenlet.QemuXen.Tests;

/// <summary>Who is notified of a machine's domains, and when.</summary>
public sealed class DomainListTests
{
    private readonly DomainList _list = new();
    private readonly Follower _guest = new(7);

    [Fact]
    public void A_domain_that_is_followed_is_shown_the_last_list_and_each_later_one()
    {
        _list.Take([State("first")]);
        _list.Follow(_guest);
        _list.Take([State("second")]);

        Assert.Equal(["first", "second"], _guest.Seen);
    }

    [Fact]
    public void The_last_list_is_shown_again_on_demand()
    {
        _list.Follow(_guest);
        _list.Take([State("first"), State("second")]);
        _list.ShowAgain();

        Assert.Equal(["", "first second", "first second"], _guest.Seen);
    }

    [Fact]
    public async Task A_domain_that_is_forgotten_hears_no_more_and_the_others_do()
    {
        Follower other = new(8);
        _list.Follow(_guest);
        _list.Follow(other);

        _list.Forget(_guest);
        _list.Take([State("late")]);
        await _list.AbandonAsync();

        Assert.Equal([""], _guest.Seen);
        Assert.Equal(["", "late", "abandoned"], other.Seen);
    }

    [Fact]
    public async Task A_domain_is_found_by_its_name_once_a_list_has_one_that_lives_and_was_never_followed()
    {
        DomainState earlier = State("guest");
        _list.Follow(_guest);
        _list.Take([earlier]);

        Task<int> found = _list.FindAsync("guest");
        _list.Take([earlier, earlier with { Id = 8, IsDying = true }, earlier with { Id = 9, Name = "other" }]);
        Assert.False(found.IsCompleted, "a domain was found that was followed, is dying, or has another name");

        _list.Take([earlier, earlier with { Id = 10 }]);
        Assert.Equal(10, await found);
        Assert.Equal(10, await _list.FindAsync("guest"));
    }

    [Fact]
    public async Task Who_waits_for_a_domain_is_told_that_the_machine_has_ended()
    {
        Task<int> found = _list.FindAsync("guest");
        await _list.AbandonAsync();

        QemuXenException error = await Assert.ThrowsAsync<QemuXenException>(() => found);
        Assert.Contains("The machine of guest has ended", error.Message, StringComparison.Ordinal);
    }

    private static DomainState State(string name) => new(name, Id: 7, IsPaused: false, IsDying: false, ShutdownReason: null);

    private sealed class Follower(int domainId) : IFollowedDomain
    {
        public int DomainId => domainId;

        public List<string> Seen { get; } = [];

        public void Update(IReadOnlyList<DomainState> domains) => Seen.Add(string.Join(' ', domains.Select(domain => domain.Name)));

        public Task AbandonAsync()
        {
            Seen.Add("abandoned");
            return Task.CompletedTask;
        }
    }
}
