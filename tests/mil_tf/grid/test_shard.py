import random

import pytest

from mil_tf.grid.shard import Shard, parse, share
from mil_tf.options import OptionError
from mil_tf.runs import Job


def grid(bags, folds=5):
    return [Job("remedios2020", "default", {}, size, fold, 0) for size in bags for fold in range(folds)]


def key(job):
    return job.bags, job.fold, job.seed


@pytest.mark.parametrize("seed", range(20))
def test_shares_are_the_grid_once_each_about_as_large_and_always_the_same(seed):
    draw = random.Random(seed)
    jobs = grid(draw.sample(range(1, 700), draw.randint(1, 8)), draw.randint(1, 6))
    count = draw.randint(1, 12)
    shares = [share(jobs, Shard(index, count)) for index in range(1, count + 1)]
    assert sorted(key(job) for jobs in shares for job in jobs) == sorted(map(key, jobs))
    loads = [sum(job.bags for job in jobs) for jobs in shares]
    assert max(loads) - min(loads) <= max(job.bags for job in jobs)
    assert shares == [share(jobs, Shard(index, count)) for index in range(1, count + 1)]


def test_a_share_keeps_the_order_of_the_grid():
    jobs = grid([100, 672, 400])
    places = [jobs.index(job) for job in share(jobs, Shard(2, 4))]
    assert places == sorted(places)


def test_the_papers_grid_is_shared_out_evenly():
    loads = [sum(job.bags for job in share(grid([100, 200, 300, 400, 500, 672]), Shard(i, 8))) for i in range(1, 9)]
    assert sum(loads) == 5 * 2172 and max(loads) <= 1.1 * 5 * 2172 / 8


def test_one_share_of_one_is_the_grid():
    assert share(grid([4, 6]), parse("1/1")) == grid([4, 6])


@pytest.mark.parametrize("text", ["0/8", "9/8", "2", "2/", "/8", "a/b", "2/0", "0/0", "-1/8", "2/8/3", "", "1.5/8"])
def test_what_is_no_share_is_refused(text):
    with pytest.raises(OptionError, match="--shard: Expected I/N, I from 1 to N, such as 2/8. Received: ") as raised:
        parse(text)
    assert repr(text) in str(raised.value) and "\n" not in str(raised.value)
