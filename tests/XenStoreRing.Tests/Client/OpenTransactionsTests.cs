using Xenlet.XenStoreRing.Client;

namespace Xenlet.XenStoreRing.Tests.Client;

public class OpenTransactionsTests
{
    [Fact]
    public void A_transaction_is_open_from_its_number_to_its_end()
    {
        OpenTransactions transactions = new();
        Assert.True(transactions.TryBegin("7\0"u8, out uint id));
        Assert.Equal(7u, id);
        Assert.True(transactions.Contains(7));

        transactions.End(7);
        Assert.False(transactions.Contains(7));
        Assert.Equal(0, transactions.Count);
    }

    [Theory]
    [InlineData("")]
    [InlineData("0")]
    [InlineData("-1")]
    [InlineData("7 ")]
    [InlineData("4294967296")]
    public void A_reply_without_a_number_opens_nothing(string reply)
    {
        OpenTransactions transactions = new();
        Assert.False(transactions.TryBegin(System.Text.Encoding.ASCII.GetBytes(reply), out _));
        Assert.Equal(0, transactions.Count);
    }

    /// <summary>A second loss may come before the server knows of the first ones.</summary>
    [Fact]
    public void What_was_lost_is_kept_through_several_losses_until_the_server_was_told()
    {
        OpenTransactions transactions = new();
        transactions.TryBegin("7"u8, out _);
        transactions.Lose();
        transactions.TryBegin("8"u8, out _);
        transactions.Lose();

        Assert.Equal(0, transactions.Count);
        Assert.Equal([7u, 8u], transactions.Lost.Order());

        transactions.ForgetLost();
        Assert.Empty(transactions.Lost);
    }
}
