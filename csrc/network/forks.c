/* SPDX-License-Identifier: Apache-2.0
 *
 * All networks, for forks.
 */
#include "network.h"

/* A ring through a head. Without it a child could find the lock of a network held by a thread
 * that does not exist there, and half a step in its weights. */
static struct fm_network networks = {.next = &networks, .previous = &networks};
static fm_mutex networks_lock = FM_MUTEX_INITIALIZER;

/* Waits until no call runs and lets none begin. */
static void before_fork(void)
{
    fm_mutex_lock(&networks_lock);
    for (fm_network *each = networks.next; each != &networks; each = each->next)
        fm_mutex_lock(&each->lock);
}

static void after_fork_in_parent(void)
{
    for (fm_network *each = networks.next; each != &networks; each = each->next)
        fm_mutex_unlock(&each->lock);
    fm_mutex_unlock(&networks_lock);
}

/* The child's one thread is not the one that locked, in the eyes of some systems: begin anew.
 */
static void after_fork_in_child(void)
{
    for (fm_network *each = networks.next; each != &networks; each = each->next)
        fm_mutex_init(&each->lock);
    fm_mutex_init(&networks_lock);
}

static void register_fork_handlers(void)
{
    fm_at_fork(before_fork, after_fork_in_parent, after_fork_in_child);
}

void fm_enlist(fm_network *network)
{
    static fm_once once = FM_ONCE_INITIALIZER;
    fm_call_once(&once, register_fork_handlers);
    fm_mutex_lock(&networks_lock);
    network->next = networks.next;
    network->previous = &networks;
    networks.next->previous = network;
    networks.next = network;
    fm_mutex_unlock(&networks_lock);
}

void fm_delist(fm_network *network)
{
    fm_mutex_lock(&networks_lock);
    if (network->next != NULL) { /* else it was never finished */
        network->next->previous = network->previous;
        network->previous->next = network->next;
    }
    fm_mutex_unlock(&networks_lock);
}
